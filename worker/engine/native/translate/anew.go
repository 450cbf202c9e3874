package translate

import (
	"slices"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// Where threads share the memory, a loop may wait for what another thread writes (while (!flag);), in C by a volatile
// variable, whose load is in the module as any other is. clang would read it once, in front of the loop, and the loop
// would never end. So in a shared memory what a loop reads from the same place in each round is read in each round;
// and nothing that a function reads is kept over two of its calls in a loop. Loads whose address changes with the
// rounds stay as they are: clang has nothing to move, and these are the ones that take time. A compiler that knew that
// a load need not be made again has put it in front of the loop itself.

// writes says where a function's locals are written, and where its loops end.
type writes struct {
	to   map[uint32][]int // offsets in the body, by local
	ends map[int]int      // by the loop's start
}

// endOf is where a loop ends, by its start. Where no memory is shared it is 0.
func (f *function) endOf(start int) int {
	if !f.t.shared {
		return 0
	}
	if _, read := f.writes.ends[start]; !read {
		f.readAhead(start)
	}
	return f.writes.ends[start]
}

// readAhead reads the outermost loop, which begins at the current instruction.
func (f *function) readAhead(start int) {
	w := &f.writes
	if w.to == nil {
		*w = writes{map[uint32][]int{}, map[int]int{}}
	}
	open := []int{start}
	for r := f.cursor.Fork(); len(open) > 0 && r.Reader.Next(); {
		switch in := &r.Instr; in.Op {
		case wasm.OpLocalSet, wasm.OpLocalTee:
			w.to[in.Index] = append(w.to[in.Index], in.Start)
		case wasm.OpLoop:
			open = append(open, in.Start)
		case wasm.OpBlock, wasm.OpIf:
			open = append(open, -1)
		case wasm.OpEnd:
			if start := open[len(open)-1]; start >= 0 {
				w.ends[start] = in.Start
			}
			open = open[:len(open)-1]
		}
	}
}

// loop is the innermost loop that is open; nil where there is none, or no memory is shared.
func (f *function) loop() *label {
	if at := f.top().loop; at > 0 && f.t.shared {
		return &f.labels[at]
	}
	return nil
}

// openLabel opens a label.
func (f *function) openLabel(l label) {
	l.loop = f.top().loop
	if l.op == wasm.OpLoop {
		l.loop = len(f.labels)
	}
	f.labels = append(f.labels, l)
}

// varies reports whether a local changes with the rounds of the innermost loop, as far as is known: what was set since
// the last label to something that doesn't is known not to.
func (f *function) varies(local uint32) bool {
	l := f.loop()
	if l == nil {
		return true
	}
	if k := &f.known.locals[local]; k.epoch == f.known.epoch && k.set {
		return k.varies
	}
	at, _ := slices.BinarySearch(f.writes.to[local], l.start)
	return at < len(f.writes.to[local]) && f.writes.to[local][at] < l.end
}

// readsAnew reports whether a load from there is one that each round of a loop must make.
func (f *function) readsAnew(index *value) bool { return !index.varies && f.loop() != nil }

// called keeps what a call has read from being what the next round's call reads: clang may have made the callee's code
// part of the loop.
func (f *function) called() {
	if f.loop() != nil {
		f.put("BARRIER;\n")
	}
}
