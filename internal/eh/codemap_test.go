package eh

import (
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// mapped lowers a module and checks its code map: calls, accesses to memory and traps, which lowering never makes,
// come from the very same instructions, in order.
func mapped(t *testing.T, before []byte) (after []byte) {
	t.Helper()
	was, err := wasm.Decode(before)
	if err != nil {
		t.Fatal(err)
	}
	after, code, changed, err := rewritten(before)
	if err != nil || !changed {
		t.Fatalf("lowered %t, %v", changed, err)
	}
	is, err := wasm.Decode(after)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for i, start := range was.Bodies() {
		old := map[uint64]wasm.Opcode{}
		for r := wasm.NewReader(was.Functions[i].Body); r.Next(); {
			old[uint64(start)+uint64(r.Instr.Start)] = r.Instr.Op
		}
		last := uint64(start)
		for r := wasm.NewReader(is.Functions[i].Body); r.Next(); {
			at, ok := code.Original(i, uint32(r.Instr.Start))
			if end := uint64(start) + uint64(len(was.Functions[i].Body)); !ok || at >= end || at < last {
				t.Fatalf("function %d: %v at %d comes from %d, after %d of %d to %d", i, r.Instr.Op, r.Instr.Start, at, last, start,
					end)
			}
			last = at
			if op := r.Instr.Op; op == wasm.OpCall || op == wasm.OpCallIndirect || op == wasm.OpUnreachable || op >= 0x28 &&
				op <= 0x3e {
				if old[at] != op {
					t.Errorf("function %d: %v at %d comes from %v at %d", i, op, r.Instr.Start, old[at], at)
				}
				seen++
			}
		}
	}
	if seen == 0 {
		t.Error("there is no code to look at")
	}
	return after
}
