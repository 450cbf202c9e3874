// Package filetype tells by a file's first bytes what it is: a WebAssembly module, or one of the files that people name
// by mistake where a module belongs. The launcher, the compiler wrapper and the engine ask the same question; each says
// in its own words what to do about the answer. It reads no file and does not judge what follows the first bytes.
package filetype

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Type is a type of file.
type Type int

const (
	Unknown Type = iota
	Empty
	Module       // WebAssembly, a core module of version 1
	ShortModule  // less than the header of a WebAssembly file
	OtherVersion // WebAssembly, a core module of another version: see Version
	Component    // WebAssembly's component model
	ELF          // a native program, library or object file
	MachO        // the same of macOS
	PE           // a Windows program
	Archive      // a static library
	Bitcode      // LLVM's
	Script       // text that begins with #!
	Compressed
	Text
)

// HeadSize is how many bytes of a file suffice for Of.
const HeadSize = textSize

// ArchiveMagic begins an archive, for those who read or write its members.
const ArchiveMagic = "!<arch>\n"

const (
	wasmMagic  = "\x00asm"
	wasmHeader = 8 // magic, version u16, layer u16
	textSize   = 1024
)

var magics = []struct {
	prefix string
	is     Type
}{
	{"\x7fELF", ELF},
	{"MZ", PE},
	{"\xfe\xed\xfa\xce", MachO}, {"\xfe\xed\xfa\xcf", MachO}, {"\xce\xfa\xed\xfe", MachO}, {"\xcf\xfa\xed\xfe", MachO},
	{ArchiveMagic, Archive}, {"!<thin>\n", Archive},
	{"BC\xc0\xde", Bitcode}, {"\xde\xc0\x17\x0b", Bitcode},
	{"#!", Script},
	{"\x1f\x8b", Compressed}, {"PK\x03\x04", Compressed}, {"\x28\xb5\x2f\xfd", Compressed}, {"\xfd7zXZ", Compressed},
}

// Of returns the type of a file that begins with head.
func Of(head []byte) Type {
	if len(head) == 0 {
		return Empty
	}
	begin := string(head[:min(len(head), 16)])
	if strings.HasPrefix(begin, wasmMagic) || strings.HasPrefix(wasmMagic, begin) {
		return wasm(head)
	}
	for _, m := range magics {
		if strings.HasPrefix(begin, m.prefix) {
			return m.is
		}
	}
	switch {
	case isFat(head):
		return MachO
	case isText(head):
		return Text
	}
	return Unknown
}

// IsWasm reports whether a file that begins with head, of which four bytes suffice, is WebAssembly of whatever kind.
func IsWasm(head []byte) bool { return bytes.HasPrefix(head, []byte(wasmMagic)) }

func wasm(head []byte) Type {
	if len(head) < wasmHeader {
		return ShortModule
	}
	switch version, layer := Version(head), binary.LittleEndian.Uint16(head[6:]); {
	case layer == 1:
		return Component
	case version != 1 || layer != 0:
		return OtherVersion
	}
	return Module
}

// Version is the version in the header of a WebAssembly file.
func Version(head []byte) uint16 { return binary.LittleEndian.Uint16(head[4:]) }

// isFat reports whether head begins a Mach-O file for several machines. Java's classes have the same first bytes,
// followed by a version where Mach-O has a number of machines.
func isFat(head []byte) bool {
	return strings.HasPrefix(string(head[:min(len(head), 4)]), "\xca\xfe\xba\xbe") && len(head) >= 8 &&
		binary.BigEndian.Uint32(head[4:]) < 40
}

// isText reports whether a file is text, as far as its beginning shows.
func isText(head []byte) bool {
	cut := len(head) > textSize
	head = head[:min(len(head), textSize)]
	for len(head) > 0 {
		c, n := utf8.DecodeRune(head)
		if c == utf8.RuneError && n == 1 {
			return cut && len(head) < utf8.UTFMax
		}
		if !unicode.IsPrint(c) && !unicode.IsSpace(c) {
			return false
		}
		head = head[n:]
	}
	return true
}
