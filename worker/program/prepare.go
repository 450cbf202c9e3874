package program

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/faasmrun/faasmrun/internal/bytesize"
	"github.com/faasmrun/faasmrun/internal/passes"
	"github.com/faasmrun/faasmrun/internal/wasm"
)

// Hash is the SHA-256 of a module as it was linked, or of what was prepared of one.
type Hash [sha256.Size]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

func hashOf(b []byte) Hash { return sha256.Sum256(b) }

// Target is what an engine wants of programs, and whoever has it run them.
type Target struct {
	// Engine names the engine, and the version of what it wants.
	Engine string
	// InPlace are sections that stand in place of debug information where a program has some.
	InPlace []wasm.Custom
	// CheckAddresses is as in passes.Options.
	CheckAddresses bool
	// Without are the passes that the engine does without.
	Without passes.Without
	// Reach is how many pages a memory with addresses of 64 bits may begin with, where these stay so.
	Reach uint64
}

// name tells apart what is prepared in different ways.
func (t Target) name() string {
	name := fmt.Sprintf("passes %s, %s, addresses checked: %t", passes.Version, t.Engine, t.CheckAddresses)
	if t.Without != (passes.Without{}) {
		name += fmt.Sprintf(", without %+v, %d pages", t.Without, t.Reach)
	}
	return name
}

// Prepared is a program as it is kept between the one time that it is prepared and the many that it runs.
type Prepared struct {
	Module []byte // what an engine is given
	Layout []byte // all else that is known of it
}

// Prepare makes a program of a module as it was linked, whose hash is origin. The file is of no use afterwards.
func (f *File) Prepare(origin Hash, t Target) (Prepared, error) {
	if err := f.Runnable(); err != nil {
		return Prepared{}, err
	}
	if err := f.module.Validate(); err != nil {
		return Prepared{}, invalid(err)
	}
	l := &layout{target: t.name(), origin: origin, debug: f.debugSections()}
	if index, top := f.stackPointer(); index >= 0 {
		l.stack, l.stackTop = uint64(index)+1, uint64(top)
	}
	if f.module.Lowest() >= wasm.NullPage && (l.stack == 0 || l.stackTop > wasm.NullPage) {
		l.lowest = wasm.NullPage
	}
	if l, _ := f.memory(); t.Without.Addresses && l.Is64 && l.Min > t.Reach {
		return Prepared{}, fmt.Errorf("the program begins with %s of memory, and this engine's memories have %s at most: "+
			"link it with less static data, or spread the data over more ranks", bytesize.String(min(l.Min, 1<<47)<<16),
			bytesize.String(t.Reach<<16))
	}
	o := passes.Options{CheckAddresses: t.CheckAddresses, Without: t.Without, MapCode: l.debug != nil}
	if o.MapCode {
		o.Customs = t.InPlace
	}
	r, err := passes.Run(f.module, o)
	if err != nil {
		return Prepared{}, err
	}
	name := func(function int) string { return functionName(r.Names.Functions[uint32(function)], function) }
	if err := bounded(f.module, len(r.Module), name); err != nil {
		return Prepared{}, err
	}
	// Of the module as it runs: passes add imports and narrow addresses.
	l.needs.LP64 = f.LP64
	if l.needs.Imports, err = importsOf(f.module); err != nil {
		return Prepared{}, err
	}
	l.memory, _ = f.memory()
	l.complete(r)
	return Prepared{Module: r.Module, Layout: l.encode()}, nil
}

// Origin is the module as it was linked: its hash, and where its debug information is read when a backtrace asks for
// lines; nil: nowhere.
type Origin struct {
	Hash Hash
	File io.ReaderAt
}

// Open reads what Prepare has made. It believes nothing that is damaged, of another module or target, or of another
// release: then the error is ErrUnusable.
func Open(prepared Prepared, o Origin, t Target) (*Program, error) {
	l, err := checkedLayout(prepared.Layout)
	switch {
	case err != nil:
		return nil, err
	case l.target != t.name():
		return nil, unusable("it was made for %q, not for %q", l.target, t.name())
	case l.origin != o.Hash:
		return nil, unusable("it was made of another module")
	case l.size != uint64(len(prepared.Module)):
		return nil, unusable("the module has %d bytes, not %d", len(prepared.Module), l.size)
	case l.sum != crc32.Checksum(prepared.Module, castagnoli):
		return nil, unusable("the module is damaged, or another one")
	}
	p := l.open(prepared.Layout, o.File)
	p.code = prepared.Module
	return p, nil
}
