package eh

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// What is known of an exception of C++ by libc++abi's layout: the thrown value, which Value is the address of, is the
// unwinder's header; information on the exception's type stands before it, the object itself behind.
const (
	cppClass     = "++CGNLC" // CLNGC++, as the little-endian number that the header begins with, but for its last byte
	longestName  = 1 << 10
	cppDependent = 1 // that byte's largest value: an exception thrown again by std::rethrow_exception
)

// layout is where things stand, by the size of a pointer.
type layout struct {
	pointer  uint64
	typeInfo uint64 // so far before the header, the address of the object's std::type_info
	typeName uint64 // in that, the address of the mangled name
}

var (
	layout32 = &layout{pointer: 4, typeInfo: 48, typeName: 4}
	layout64 = &layout{pointer: 8, typeInfo: 80, typeName: 8}
)

// Describe says for a person what an uncaught exception is, from what the pending and value globals hold and the
// guest's memory, which can't be read below lowest; wide says that Value is an i64. For an exception of C++ that is its
// type, as libc++abi has stored it.
func Describe(memory []byte, open func(address uint64) (bytes uint64), pending uint32, value uint64,
	wide bool) string {
	m := readable{memory, open}
	if pending == 0 {
		return "no exception"
	}
	l := layout32
	if wide {
		l = layout64
	}
	if class := m.at(value, 1+len(cppClass)); class != nil && class[0] <= cppDependent &&
		string(class[1:]) == cppClass {
		if name, ok := l.cppType(m, value); ok {
			return "uncaught C++ exception of type " + name
		}
		return "uncaught C++ exception"
	}
	return fmt.Sprintf("uncaught exception (tag %d, value %#x): thrown by other means than C++'s, such as a longjmp "+
		"whose setjmp's function has returned", pending-1, value)
}

// cppType reads the name of the type of an exception of C++.
func (l *layout) cppType(m readable, value uint64) (string, bool) {
	info, ok := l.at(m, value-l.typeInfo)
	if !ok {
		return "", false
	}
	address, ok := l.at(m, info+l.typeName)
	if !ok {
		return "", false
	}
	name := m.from(address)
	name = name[:min(len(name), longestName)]
	end := bytes.IndexByte(name, 0)
	if end <= 0 {
		return "", false
	}
	return demangle(string(name[:end])), true
}

// readable is a memory of which as many bytes can be read from an address on as open says; all where it is nil.
type readable struct {
	memory []byte
	open   func(address uint64) (bytes uint64)
}

// from is what can be read from an address on.
func (m readable) from(address uint64) []byte {
	n := uint64(len(m.memory)) - min(address, uint64(len(m.memory)))
	if m.open != nil {
		n = min(n, m.open(address))
	}
	if n == 0 {
		return nil
	}
	return m.memory[address:][:n]
}

// at is n bytes; nil where they are not there.
func (m readable) at(address uint64, n int) []byte {
	b := m.from(address)
	if len(b) < n {
		return nil
	}
	return b[:n]
}

// at reads a pointer.
func (l *layout) at(m readable, address uint64) (uint64, bool) {
	b := m.at(address, int(l.pointer))
	switch {
	case b == nil:
		return 0, false
	case l.pointer == 4:
		return uint64(binary.LittleEndian.Uint32(b)), true
	}
	return binary.LittleEndian.Uint64(b), true
}

// builtinTypes are the mangled names of C++'s own types that programs throw.
var builtinTypes = map[string]string{"i": "int", "j": "unsigned int", "l": "long", "m": "unsigned long",
	"x": "long long",
	"y": "unsigned long long", "c": "char", "a": "signed char", "h": "unsigned char", "s": "short", "t": "unsigned short",
	"b": "bool", "f": "float", "d": "double", "e": "long double", "PKc": "const char*", "Pc": "char*", "Pv": "void*",
	"Dn": "std::nullptr_t"}

// demangle turns the mangled name of a type into C++, if it is one of the common kinds: built in, a plain class, a
// class in namespaces. Others, such as templates, are returned as they are, for a demangler.
func demangle(mangled string) string {
	if name, ok := builtinTypes[mangled]; ok {
		return name
	}
	rest, prefix := mangled, ""
	nested := strings.HasPrefix(rest, "N") && strings.HasSuffix(rest, "E")
	if nested {
		rest = rest[1 : len(rest)-1]
	}
	if after, ok := strings.CutPrefix(rest, "St"); ok {
		rest, prefix = after, "std::"
	}
	var parts []string
	for rest != "" {
		n, digits := 0, 0
		for digits < len(rest) && digits < 4 && rest[digits] >= '0' && rest[digits] <= '9' {
			n = n*10 + int(rest[digits]-'0')
			digits++
		}
		if n == 0 || n > len(rest)-digits || len(parts) > 0 && !nested {
			return mangled
		}
		parts = append(parts, rest[digits:digits+n])
		rest = rest[digits+n:]
	}
	if len(parts) == 0 {
		return mangled
	}
	return prefix + strings.Join(parts, "::")
}
