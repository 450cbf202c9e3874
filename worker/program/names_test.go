package program

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// Names that a module makes up reach a person on one line of bounded length, and those of functions that it has not
// reach nobody.
func TestNames(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"f", "f"},
		{"", "function 0"},
		{"wasm stack trace:\n\tfaked(i32)\n\t\t0x1: forged.c:1:1\n\tmain()",
			"wasm stack trace:??faked(i32)???0x1: forged.c:1:1??main()"},
		{"\x1b[2J\r\x00\u202e", "?[2J???"},
		{".$12(i32) i32", ".$12(i32) i32"},
		{strings.Repeat("é", maxName), strings.Repeat("é", maxName/2) + "…"},
		{strings.Repeat("x", maxName), strings.Repeat("x", maxName)},
	} {
		m := module()
		m.SetNames(&wasm.Names{Functions: map[uint32]string{0: c.name, 1: "no function", 1<<32 - 1: "nor this"}})
		p := read(t, m)
		if got := p.FunctionName(0); got != c.want {
			t.Errorf("%q: %q", c.name, got)
		}
		for _, i := range []int{1, 1<<32 - 1, -1, 1 << 40} {
			if got, want := p.FunctionName(i), fmt.Sprintf("function %d", i); got != want {
				t.Errorf("%d: %q", i, got)
			}
		}
		if got := p.Describe([]Frame{{Function: 0}, {Function: 1 << 31}}); !slices.Equal(got,
			[]string{c.want, "function 2147483648"}) {
			t.Errorf("%q", got)
		}
	}
}

// nameSection is one of subsections as they are, of their ids.
func nameSection(subsections ...[]byte) wasm.Custom {
	return wasm.Custom{Name: "name", Data: bytes.Join(subsections, nil), After: 11}
}

func subsection(id byte, data ...byte) []byte {
	return append(wasm.AppendU32([]byte{id}, uint32(len(data))), data...)
}

// A name section that contradicts itself, claims what it has not or ends too early costs names and nothing else.
func TestBrokenNameSections(t *testing.T) {
	many := wasm.AppendU32(nil, 1<<32-1)
	for what, c := range map[string]struct {
		sections []wasm.Custom
		want     string
	}{
		"none":            {nil, "function 0"},
		"empty":           {[]wasm.Custom{nameSection()}, "function 0"},
		"twice one index": {[]wasm.Custom{nameSection(subsection(1, 2, 0, 1, 'a', 0, 1, 'b'))}, "b"},
		"two subsections": {[]wasm.Custom{nameSection(subsection(1, 1, 0, 1, 'a'), subsection(1, 1, 0, 1, 'b'))}, "b"},
		"two sections": {[]wasm.Custom{nameSection(subsection(1, 1, 0, 1, 'a')),
			nameSection(subsection(1, 1, 0, 1, 'b'))}, "a"},
		"a huge count":       {[]wasm.Custom{nameSection(subsection(1, append(many, 0, 1, 'a')...))}, "function 0"},
		"a huge name":        {[]wasm.Custom{nameSection(subsection(1, append([]byte{1, 0}, many...)...))}, "function 0"},
		"a huge subsection":  {[]wasm.Custom{nameSection(append([]byte{1}, many...))}, "function 0"},
		"fewer than claimed": {[]wasm.Custom{nameSection(subsection(1, 2, 0, 1, 'a', 1))}, "a"},
		"no UTF-8":           {[]wasm.Custom{nameSection(subsection(1, 1, 0, 2, 0xff, 0xfe))}, "function 0"},
		"only out of range": {[]wasm.Custom{nameSection(subsection(1, append(append([]byte{1}, many...), 1, 'a')...))},
			"function 0"},
		"an unknown part": {[]wasm.Custom{nameSection(subsection(99, 1, 2, 3), subsection(1, 1, 0, 1, 'a'))}, "a"},
	} {
		m := module()
		m.Customs = c.sections
		p := read(t, m)
		if got := p.FunctionName(0); got != c.want {
			t.Errorf("%s: %q", what, got)
		}
	}
}

// The C stack pointer is the one global of that name, whatever else has it.
func TestStackPointer(t *testing.T) {
	constant := func(v int32) wasm.Expr {
		var c wasm.Code
		c.I32(v)
		c.Op(wasm.OpEnd)
		return wasm.Expr(c)
	}
	global := func(mutable bool, v int32) wasm.Global {
		return wasm.Global{GlobalType: wasm.GlobalType{Type: wasm.I32, Mutable: mutable}, Init: constant(v)}
	}
	one, two := []wasm.Global{global(true, 64)}, []wasm.Global{global(true, 1), global(true, 64)}
	for what, c := range map[string]struct {
		globals []wasm.Global
		names   map[uint32]string // nil: no name section
		want    int
	}{
		"named":           {two, map[uint32]string{1: stackPointerName}, 1},
		"stripped":        {one, nil, 0},
		"names without":   {one, map[uint32]string{0: "other"}, -1},
		"two of the name": {two, map[uint32]string{0: stackPointerName, 1: stackPointerName}, -1},
		"not there":       {one, map[uint32]string{1<<32 - 1: stackPointerName}, -1},
		"constant":        {[]wasm.Global{global(false, 64)}, map[uint32]string{0: stackPointerName}, -1},
		"begins below 0":  {[]wasm.Global{global(true, -1)}, map[uint32]string{0: stackPointerName}, -1},
		"no global":       {nil, nil, -1},
	} {
		m := module()
		m.Globals = c.globals
		if c.names != nil {
			m.SetNames(&wasm.Names{Globals: c.names})
		}
		if got := read(t, m).stackPointer; got != c.want {
			t.Errorf("%s: %d, not %d", what, got, c.want)
		}
	}
}

// Custom sections that are called as ours once were, or are meant for engines, say nothing and go.
func TestForeignSections(t *testing.T) {
	m := module()
	plain := prepare(t, m.Encode(), Target{}).Module
	for _, name := range []string{"faasmrun.code_map", "faasmrun.memory64", "faasmrun.layout", "target_features",
		"producers", "metadata.code.branch_hint", "external_debug_info", ".debug_str", "", strings.Repeat("n", 100_000)} {
		m.Customs = append(m.Customs, wasm.Custom{Name: name, Data: []byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f}, After: 11})
	}
	m.Exports = append(m.Exports, wasm.Export{Name: "__faasmrun_exn", Kind: wasm.KindFunction})
	p := read(t, m)
	if p.LP64 || p.Throws || p.HasLines() {
		t.Errorf("LP64 %t, exceptions %t, lines %t", p.LP64, p.Throws, p.HasLines())
	}
	m.Exports = m.Exports[:len(m.Exports)-1]
	if got := prepare(t, m.Encode(), Target{}).Module; !bytes.Equal(got, plain) {
		t.Error("custom sections are left")
	}
}

// Debug information that is garbage, contradicts itself or claims to be larger than it is costs lines and nothing else.
func TestBrokenDebugInformation(t *testing.T) {
	file := inlining(t)
	m, err := wasm.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	l, err := checkedLayout(prepare(t, file, Target{}).Layout)
	if err != nil {
		t.Fatal(err)
	}
	at := uint64(l.bodyOffsets()[0]) + 20
	for _, damage := range []struct {
		what   string
		change func(data []byte) []byte
	}{
		{"empty", func([]byte) []byte { return nil }},
		{"zeros", func(b []byte) []byte { return make([]byte, len(b)) }},
		{"ones", func(b []byte) []byte { return bytes.Repeat([]byte{0xff}, len(b)) }},
		{"cut short", func(b []byte) []byte { return b[:len(b)/2] }},
		{"huge length", func(b []byte) []byte { return append([]byte{0xfe, 0xff, 0xff, 0x7f}, b[4:]...) }},
		{"64 bits", func(b []byte) []byte { return append([]byte{0xff, 0xff, 0xff, 0xff}, b...) }},
		{"another's", func([]byte) []byte { return m.Custom("name").Data }},
	} {
		for i, c := range m.Customs {
			if !strings.HasPrefix(c.Name, ".debug") {
				continue
			}
			bad := *m
			bad.Customs = slices.Clone(m.Customs)
			bad.Customs[i].Data = damage.change(c.Data)
			p := read(t, &bad)
			if got := p.Describe([]Frame{{Offset: at}, {Offset: 1}, {Offset: 1 << 62}}); len(got) != 3 ||
				!strings.HasPrefix(got[0], "_start") {
				t.Errorf("%s %s: %v", c.Name, damage.what, got)
			}
		}
	}
}
