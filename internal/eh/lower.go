package eh

import (
	"fmt"
	"slices"
	"strings"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// Exports of a lowered module.
const (
	// Pending is an i32: 0, or the number of the pending exception's tag plus 1.
	Pending = "__faasmrun_exn"
	// Value is the first address that the exception carries: an i64 in a program that was compiled for a memory of 64
	// bits, otherwise an i32. It is missing where no tag of the module carries one.
	Value = "__faasmrun_exn_value"
)

// Lower rewrites a module without exceptions. changed is false where there are none. Errors name the function that uses
// what can't be lowered: exceptions of the final encoding, imported tags; the module is of no use then. One that uses
// exceptions must be valid.
func Lower(m *wasm.Module) (changed bool, err error) {
	l := &lowering{m: m, spaces: m.Spaces()}
	if err := l.analyze(); err != nil {
		return false, err
	}
	if !l.used && len(l.spaces.Tags) == 0 {
		return false, nil
	}
	if err := l.check(); err != nil {
		return false, err
	}
	if err := l.addGlobals(); err != nil {
		return false, err
	}
	r := &rewriter{lowering: l, reader: wasm.NewReader(nil), code: m.Rewrite()}
	for i := range m.Functions {
		if l.outlines[i].rewrite || l.throws.Functions[l.first+uint32(i)] {
			r.function(l.first+uint32(i), &m.Functions[i])
		}
	}
	l.finish()
	return true, nil
}

// lowering is what is known of the module as a whole.
type lowering struct {
	m        *wasm.Module
	spaces   *wasm.Spaces
	first    uint32 // index of the first function that the module defines
	used     bool   // some function has instructions of exceptions
	outlines []outline
	throws   *wasm.Reach // from which functions an exception can escape
	pending  uint32      // index of the global
	values   []value     // globals of what an exception carries
	tags     [][]uint32  // by tag: the globals of its values, in order
}

// value is a global that holds a value of an exception.
type value struct {
	global uint32
	typ    wasm.ValueType
}

// check refuses what can't be lowered. Other errors of the module are found here too: rewriting trusts in a valid one.
func (l *lowering) check() error {
	for _, im := range l.m.Imports {
		if im.Kind == wasm.KindTag {
			return fmt.Errorf("exceptions: the module imports the tag %s.%s, and exceptions between modules are not supported: "+
				"link everything into one module", im.Module, im.Name)
		}
	}
	for _, name := range []string{Pending, Value} {
		if _, taken := l.m.Export(name); taken {
			return fmt.Errorf("exceptions: the module exports %s, a name that lowering needs", name)
		}
	}
	for _, c := range l.m.Customs {
		if c.Name == "linking" || strings.HasPrefix(c.Name, "reloc.") {
			return fmt.Errorf("exceptions: the module has a section %s: it is an object file, not yet linked", c.Name)
		}
	}
	for i := range l.spaces.Tags {
		if t, ok := l.spaces.TagType(uint32(i)); ok && slices.Contains(t.Params, wasm.ExnRef) {
			return fmt.Errorf("exceptions: tag %d carries a %s, of the final encoding: compile with -mllvm -wasm-use-legacy-eh",
				i, wasm.ExnRef)
		}
	}
	return l.m.Validate()
}

// maxCarried bounds what exceptions of a module carry: each catch, throw and rethrow is written with a few instructions
// for each value, so that a small module could become a huge one. clang's tags carry one value.
const maxCarried = 16

// addGlobals adds the pending global and as many others as the tag with the most values of a type has.
func (l *lowering) addGlobals() error {
	mutable := func(t wasm.ValueType) uint32 { return l.m.AddGlobal(wasm.GlobalType{Type: t, Mutable: true}) }
	l.pending = mutable(wasm.I32)
	l.tags = make([][]uint32, len(l.spaces.Tags))
	for i := range l.tags {
		t, _ := l.spaces.TagType(uint32(i))
		used := map[uint32]bool{}
		for _, p := range t.Params {
			k := slices.IndexFunc(l.values, func(v value) bool { return v.typ == p && !used[v.global] })
			if k < 0 {
				k = len(l.values)
				l.values = append(l.values, value{global: mutable(p), typ: p})
			}
			used[l.values[k].global] = true
			l.tags[i] = append(l.tags[i], l.values[k].global)
		}
		if len(l.values) > maxCarried {
			return fmt.Errorf("exceptions: with tag %d they carry more than %d values, which is not supported", i, maxCarried)
		}
	}
	return nil
}

// finish does what is left outside of bodies.
func (l *lowering) finish() {
	m := l.m
	m.Exports = slices.DeleteFunc(m.Exports, func(e wasm.Export) bool { return e.Kind == wasm.KindTag })
	export := func(name string, global uint32) {
		m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.KindGlobal, Index: global})
	}
	export(Pending, l.pending)
	address := wasm.I32
	if len(l.spaces.Memories) > 0 {
		address = l.spaces.Memories[0].Address()
	}
	first := slices.IndexFunc(l.values, func(v value) bool { return v.typ == address })
	if first >= 0 {
		export(Value, l.values[first].global)
	}
	m.Tags = nil
	m.DropCodeMetadata()
	m.Customs = slices.DeleteFunc(m.Customs, func(c wasm.Custom) bool { return saysOtherwise(c.Name) })
	if m.Custom("name") == nil {
		return
	}
	n := m.Names()
	clear(n.Tags)
	n.Globals[l.pending] = Pending
	if first >= 0 {
		n.Globals[l.values[first].global] = Value
	}
	m.SetNames(n)
}

// saysOtherwise reports whether a custom section becomes wrong when code moves, or when exceptions go. Debug
// information is not one of them: a code map says where the code is that it describes.
func saysOtherwise(name string) bool {
	return name == "external_debug_info" || name == "sourceMappingURL" || name == "target_features"
}

// callsBack reports whether an import may call back into the guest, so that an exception can come out of it. A signal's
// handler can run in any of them.
func callsBack(im *wasm.Import) bool {
	return !strings.HasPrefix(im.Module, "wasi") || im.Module == "wasi_snapshot_preview1" && im.Name != "proc_exit"
}

// functionName is how an error calls a function.
func (l *lowering) functionName(f uint32) string {
	if name := l.m.Names().Functions[f]; name != "" {
		return name
	}
	return fmt.Sprintf("number %d", f)
}
