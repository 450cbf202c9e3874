package lower

import (
	"math/bits"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// A compiler that has few locals to give puts one value after the other into the same local: a pointer, then a count
// that is compared. What is found of the one would then bind the other. So a local is taken apart into its webs: a web
// is the instructions that write a local and those that may read what they wrote, as far as they hang together
// (S. Muchnick, Advanced Compiler Design and Implementation, 1997, 16.3). Each is a variable of its own.

// flow is what is known of a function's control flow, as far as locals of type i64 go.
type flow struct {
	events []event
	labels []uint32 // those of all br_table, the blocks they name
	open   []uint32 // the open blocks, the function first
	blocks []block
	dense  []int32 // for each local its number among those of type i64; -1 for others
	count  int     // of those
	opaque bool    // there are exceptions: control goes where this does not follow

	words  int      // of a set of locals
	live   []uint64 // at the current event
	sets   []uint64 // of all blocks: those live at the label, then those live at the else
	parent []int32  // of each definition: another one of its web, or itself
	now    []int32  // the definition of each local at the current event
}

// event is an instruction that matters.
type event struct {
	op    wasm.Opcode
	step  int32
	arg   uint32 // the local's dense number; the block that is opened, closed or branched to; of br_table, the first label
	count uint32 // of br_table, its labels
}

type block struct {
	loop, hasElse bool
	// the definitions of the locals that are live at the label, and at the else, in their order; nil where no control
	// comes there
	atLabel, atElse []int32
}

// Bounds of a function that is taken apart: words of sets that are kept, and rounds until nothing changes, of which a
// function needs one more than its loops are nested.
const (
	maxWords  = 1 << 22
	maxRounds = 60
)

// reset begins a function.
func (w *flow) reset(locals []wasm.ValueType) {
	w.events, w.labels, w.dense = w.events[:0], w.labels[:0], w.dense[:0]
	w.open, w.blocks = append(w.open[:0], 0), append(w.blocks[:0], block{})
	w.count, w.opaque = 0, false
	for _, t := range locals {
		number := int32(-1)
		if t == wasm.I64 {
			number = int32(w.count)
			w.count++
		}
		w.dense = append(w.dense, number)
	}
}

// note notes an instruction.
func (w *flow) note(in *wasm.Instr, step int) {
	e := event{op: in.Op, step: int32(step)}
	switch in.Op {
	case wasm.OpLocalGet, wasm.OpLocalSet, wasm.OpLocalTee:
		if uint64(in.Index) >= uint64(len(w.dense)) || w.dense[in.Index] < 0 {
			return
		}
		e.arg = uint32(w.dense[in.Index])
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		e.arg = uint32(len(w.blocks))
		w.blocks = append(w.blocks, block{loop: in.Op == wasm.OpLoop})
		w.open = append(w.open, e.arg)
	case wasm.OpElse:
		e.arg = w.target(0)
		w.blocks[e.arg].hasElse = true
	case wasm.OpEnd:
		e.arg = w.target(0)
		w.open = w.open[:max(len(w.open)-1, 0)]
	case wasm.OpBr, wasm.OpBrIf:
		e.arg = w.target(in.Index)
	case wasm.OpBrTable:
		e.arg, e.count = uint32(len(w.labels)), uint32(len(in.Labels))
		for _, l := range in.Labels {
			w.labels = append(w.labels, w.target(l))
		}
	case wasm.OpReturn, wasm.OpUnreachable, wasm.OpReturnCall, wasm.OpReturnCallIndirect:
	case wasm.OpTry, wasm.OpCatch, wasm.OpCatchAll, wasm.OpDelegate, wasm.OpTryTable, wasm.OpThrow, wasm.OpThrowRef,
		wasm.OpRethrow:
		w.opaque = true
		return
	default:
		return
	}
	w.events = append(w.events, e)
}

// target is the block that a label names. In a function with exceptions, whose blocks are not all followed, it is any.
func (w *flow) target(label uint32) uint32 {
	n := len(w.open)
	if uint64(label) >= uint64(n) {
		w.opaque = true
		return 0
	}
	return w.open[n-1-int(label)]
}

func (w *flow) tableTargets(e *event) []uint32 { return w.labels[e.arg : e.arg+e.count] }

// atLabel is the set of the locals that are live where a branch to a block goes.
func (w *flow) atLabel(b uint32) []uint64 {
	return w.sets[2*int(b)*w.words : (2*int(b)+1)*w.words]
}

// atElse is the set of the locals that are live where an if goes whose condition is false.
func (w *flow) atElse(b uint32) []uint64 {
	if !w.blocks[b].hasElse {
		return w.atLabel(b)
	}
	return w.sets[(2*int(b)+1)*w.words : (2*int(b)+2)*w.words]
}

// webs gives each instruction that reads or writes a local its web, where locals can be taken apart, and their
// variables to function.locals. The web of a local's first value is the variable of the local's own number.
func (f *function) webs() {
	w := &f.flow
	w.words = (w.count + 63) / 64
	if w.opaque || w.count == 0 || 2*w.words*len(w.blocks) > maxWords || !w.liveness() {
		return
	}
	w.follow()
	locals := len(f.locals)
	variables := make(map[int32]uint32, w.count)
	for local, number := range w.dense {
		if number >= 0 {
			variables[w.root(number)] = uint32(local)
		}
	}
	for i := range w.events {
		switch e := &w.events[i]; e.op {
		case wasm.OpLocalGet, wasm.OpLocalSet, wasm.OpLocalTee:
			root := w.root(int32(e.count))
			v, known := variables[root]
			if !known && crowded(locals, len(f.locals)+1) {
				f.whole(locals)
				return
			}
			if !known {
				v = uint32(len(f.locals))
				f.locals = append(f.locals, variable{long: true, sets: -1})
				variables[root] = v
			}
			f.steps[e.step].variable = v
		}
	}
}

// crowded reports whether a function of so many locals may get too many if each variable gets a shadow.
func crowded(locals, variables int) bool { return locals+variables+maxTemps > wasm.MaxLocals }

// whole puts the locals together again, of which there are so many.
func (f *function) whole(locals int) {
	f.locals = f.locals[:locals]
	for i := range f.steps {
		f.steps[i].variable = f.steps[i].local
	}
}

// liveness finds what is live at each label, and reports whether that does not take too long.
func (w *flow) liveness() bool {
	n := 2 * w.words * len(w.blocks)
	if cap(w.sets) < n {
		w.sets = make([]uint64, n)
	}
	w.sets = w.sets[:n]
	clear(w.sets)
	w.live = append(w.live[:0], make([]uint64, w.words)...)
	for range maxRounds {
		if !w.backwards() {
			return true
		}
	}
	return false
}

// backwards goes through the function once from its end. It reports whether more is live at a loop than was known.
func (w *flow) backwards() (more bool) {
	clear(w.live)
	for i := len(w.events) - 1; i >= 0; i-- {
		e := &w.events[i]
		switch e.op {
		case wasm.OpLocalGet:
			w.live[e.arg/64] |= 1 << (e.arg % 64)
		case wasm.OpLocalSet, wasm.OpLocalTee:
			w.live[e.arg/64] &^= 1 << (e.arg % 64)
		case wasm.OpEnd:
			if !w.blocks[e.arg].loop {
				copy(w.atLabel(e.arg), w.live)
			}
		case wasm.OpElse:
			copy(w.atElse(e.arg), w.live)
			copy(w.live, w.atLabel(e.arg))
		case wasm.OpIf:
			unite(w.live, w.atElse(e.arg))
		case wasm.OpLoop:
			more = unite(w.atLabel(e.arg), w.live) || more
		case wasm.OpBr:
			copy(w.live, w.atLabel(e.arg))
		case wasm.OpBrIf:
			unite(w.live, w.atLabel(e.arg))
		case wasm.OpBrTable:
			clear(w.live)
			for _, b := range w.tableTargets(e) {
				unite(w.live, w.atLabel(b))
			}
		case wasm.OpReturn, wasm.OpUnreachable, wasm.OpReturnCall, wasm.OpReturnCallIndirect:
			clear(w.live)
		}
	}
	return more
}

// unite adds a set to another, and reports whether that grew.
func unite(to, from []uint64) (grew bool) {
	for i, bits := range from {
		grew = grew || bits&^to[i] != 0
		to[i] |= bits
	}
	return grew
}

// follow goes through the function from its start and unites the definitions that meet where their local is live. Of
// what reads or writes a local, the definition is left in event.count. Code that is never reached gets any.
func (w *flow) follow() {
	w.parent, w.now = w.parent[:0], w.now[:0]
	for range w.count {
		w.now = append(w.now, w.define())
	}
	reached := true
	for i := range w.events {
		e := &w.events[i]
		switch e.op {
		case wasm.OpLocalGet:
			e.count = uint32(w.now[e.arg])
		case wasm.OpLocalSet, wasm.OpLocalTee:
			w.now[e.arg] = w.define()
			e.count = uint32(w.now[e.arg])
		case wasm.OpLoop:
			if reached {
				w.meet(&w.blocks[e.arg].atLabel, w.atLabel(e.arg))
			}
		case wasm.OpIf:
			switch b := &w.blocks[e.arg]; {
			case reached && b.hasElse:
				w.meet(&b.atElse, w.atElse(e.arg))
			case reached:
				w.meet(&b.atLabel, w.atLabel(e.arg))
			}
		case wasm.OpElse:
			b := &w.blocks[e.arg]
			if reached {
				w.meet(&b.atLabel, w.atLabel(e.arg))
			}
			reached = w.enter(b.atElse, w.atElse(e.arg))
		case wasm.OpEnd:
			b := &w.blocks[e.arg]
			if b.loop {
				break
			}
			if reached {
				w.meet(&b.atLabel, w.atLabel(e.arg))
			}
			reached = w.enter(b.atLabel, w.atLabel(e.arg))
		case wasm.OpBr, wasm.OpBrIf:
			if reached {
				w.meet(&w.blocks[e.arg].atLabel, w.atLabel(e.arg))
			}
			reached = reached && e.op == wasm.OpBrIf
		case wasm.OpBrTable:
			for _, b := range w.tableTargets(e) {
				if reached {
					w.meet(&w.blocks[b].atLabel, w.atLabel(b))
				}
			}
			reached = false
		case wasm.OpReturn, wasm.OpUnreachable, wasm.OpReturnCall, wasm.OpReturnCallIndirect:
			reached = false
		}
	}
}

// define makes a definition.
func (w *flow) define() int32 {
	w.parent = append(w.parent, int32(len(w.parent)))
	return int32(len(w.parent) - 1)
}

// root is the definition that stands for a web.
func (w *flow) root(d int32) int32 {
	for w.parent[d] != d {
		w.parent[d] = w.parent[w.parent[d]]
		d = w.parent[d]
	}
	return d
}

// meet brings the definitions of the live locals to where they meet those of other ways there.
func (w *flow) meet(there *[]int32, live []uint64) {
	if first := *there == nil; first {
		*there = make([]int32, 0, w.count)
		each(live, func(local int) { *there = append(*there, w.now[local]) })
		return
	}
	at := *there
	each(live, func(local int) {
		a, b := w.root(at[0]), w.root(w.now[local])
		w.parent[max(a, b)] = min(a, b)
		at = at[1:]
	})
}

// enter goes on with the definitions that met there. It reports whether control comes there at all.
func (w *flow) enter(there []int32, live []uint64) bool {
	if there == nil {
		return false
	}
	each(live, func(local int) {
		w.now[local] = there[0]
		there = there[1:]
	})
	return true
}

// each calls a function with each member of a set, in order.
func each(set []uint64, visit func(local int)) {
	for i, word := range set {
		for ; word != 0; word &= word - 1 {
			visit(i*64 + bits.TrailingZeros64(word))
		}
	}
}
