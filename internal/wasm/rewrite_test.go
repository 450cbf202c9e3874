package wasm

import (
	"bytes"
	"testing"
)

// TestRewrite: what is kept, replaced, left out and put in, and where the code map says that it stood.
func TestRewrite(t *testing.T) {
	m := &Module{Types: []FuncType{{}}}
	body := Expr{byte(OpNop), byte(OpUnreachable), byte(OpNop), byte(OpReturn), byte(OpNop), byte(OpEnd)}
	m.Functions = []Function{{Body: Expr{byte(OpEnd)}, Offset: 100}, {Body: body, Offset: 200}}
	m.MapCode()
	w := m.Rewrite()
	w.Begin(0)
	if w.Changed() {
		t.Error("changed before anything was")
	}
	w.Begin(1)
	w.Replace(&Instr{Start: 1, End: 2})
	w.I32(7)
	w.Op(OpDrop)
	w.Keep(3)
	w.Skip(4)
	w.ReplaceFrom(4, &Instr{Start: 4, End: 5})
	if !w.Changed() {
		t.Error("not changed")
	}
	w.End()
	f := &m.Functions[1]
	want := []byte{byte(OpNop), byte(OpI32Const), 7, byte(OpDrop), byte(OpNop), byte(OpEnd)}
	if !bytes.Equal(f.Body, want) || f.Offset != 0 || !bytes.Equal(m.Functions[0].Body, []byte{byte(OpEnd)}) {
		t.Errorf("% x at %d, and % x", f.Body, f.Offset, m.Functions[0].Body)
	}
	for new, old := range []uint64{0, 1, 1, 1, 2, 5} {
		if at, ok := m.CodeMap().Original(1, uint32(new)); !ok || at != 200+old {
			t.Errorf("%d stood at %d (%t), not %d", new, at, ok, 200+old)
		}
	}
	m.Customs = []Custom{{Name: "metadata.code.branch_hint"}, {Name: "name"}}
	if m.DropCodeMetadata(); len(m.Customs) != 1 || m.Customs[0].Name != "name" {
		t.Errorf("%v", m.Customs)
	}
}
