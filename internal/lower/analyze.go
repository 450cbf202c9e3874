package lower

import "github.com/faasmrun/faasmrun/internal/wasm"

// function is what is known of the function at hand.
type function struct {
	steps []step
	nodes []node
	stack []int32 // the node of each operand, -1 where that is not known

	locals []variable // one for each local, and then the further webs of locals
	sets   []set
	flow   flow
	// crowded says that there are so many that none gets a shadow.
	crowded bool
	wants   []want
	marked  []int32 // nodes all of whose bits count, which are still to be told to those that they are made of
	blocks  []bool  // the open blocks: which are loops
	loops   int     // how many of them are
}

// step is what becomes of one instruction.
type step struct {
	op    wasm.Opcode // the one that is written
	act   act
	after conversion // of what it gives
	// pending are those of its operands that are converted right before it, a bit each from the first: of the others that
	// must be, their own instructions see to it.
	pending uint8
	value   uint64 // of a constant
	local   uint32 // that it reads or writes
	// variable is the one of function.locals that it reads or writes: the web of the local that it belongs to.
	variable uint32
	weight   uint32 // how often such an instruction runs, by the loops around it
}

// act is what is done to an instruction.
type act uint8

const (
	keep     act = iota
	leaveOut     // an extension of what has the right bits already
	constant     // i64.const, written as i32.const
	exchange     // another instruction without immediates stands in its place
	access       // it names a memory or table that is lowered, or is a load that gives another type now
)

// conversion makes 32 bits of 64.
type conversion uint8

const (
	none     conversion = iota
	cut                 // the lower half
	saturate            // 2^32-1 where the upper half is not 0
)

// node is a value that an instruction gives. Each is used once.
type node struct {
	step int32
	// the values that it is made of, where the instruction is one that may be made narrow; -1 where not known
	args [2]int32
	top  bool // it is the last that its instruction gives, so that a conversion may stand behind that

	half  bool  // what takes it needs no more than its lower half, if that holds for what is made of it
	whole bool  // all its bits count
	short bool  // it is an i32 now, as it is made of a local that is
	depth int32 // of args
}

// maxDepth bounds how far into an address's arithmetic is looked.
const maxDepth = 32

// analyze goes through a function and notes what becomes of each instruction. It reports whether anything does.
func (l *lowering) analyze(index uint32) (changed bool, err error) {
	f, c := &l.work, l.cursor
	f.steps, f.nodes, f.stack = f.steps[:0], f.nodes[:0], f.stack[:0]
	f.locals, f.sets, f.wants, f.marked = f.locals[:0], f.sets[:0], f.wants[:0], f.marked[:0]
	f.blocks, f.loops = f.blocks[:0], 0
	if err := c.Open(index); err != nil {
		return false, err
	}
	f.flow.reset(c.Locals())
	for _, t := range c.Locals() {
		f.locals = append(f.locals, variable{long: t == wasm.I64, sets: -1})
	}
	var last wasm.Instr // the instruction whose effect is not yet in f.stack
	for c.Next() {
		if len(f.steps) > 0 {
			changed = l.effect(&last) || changed
		}
		last = c.Instr
		f.nest(last.Op)
		s := step{op: last.Op}
		switch last.Op {
		case wasm.OpI64Const:
			s.value = last.Bits
		case wasm.OpLocalGet, wasm.OpLocalSet, wasm.OpLocalTee:
			s.local, s.variable, s.weight = last.Index, last.Index, f.weight()
		}
		f.flow.note(&last, len(f.steps))
		f.steps = append(f.steps, s)
	}
	for _, n := range f.stack { // what the function gives
		f.mark(n)
	}
	if changed && c.Err() == nil {
		f.webs()
		t, _ := l.before.FunctionType(index)
		f.decide(len(t.Params))
		f.shadows()
	}
	return changed, c.Err()
}

// effect follows an instruction: which values it took and gave, and what it needs of those that are addresses. It
// reports whether the instruction itself changes.
func (l *lowering) effect(in *wasm.Instr) (changed bool) {
	f := &l.work
	kept := min(l.cursor.Kept(), len(f.stack))
	taken := f.stack[kept:]
	if changed = l.demand(in, taken); changed {
		f.steps[len(f.steps)-1].act = access
	}
	made := node{step: int32(len(f.steps) - 1), args: [2]int32{-1, -1}}
	if n := arguments(in.Op); n > 0 && len(taken) == n {
		copy(made.args[:], taken[:min(n, 2)])
		f.link(in.Op, &made)
	}
	f.take(in, taken)
	f.stack = f.stack[:kept]
	for n := len(l.cursor.Stack()) - kept; n > 0; n-- {
		made.top = n == 1
		f.nodes = append(f.nodes, made)
		f.stack = append(f.stack, int32(len(f.nodes)-1))
	}
	return changed
}

// arguments is how many operands an instruction has that may be made narrow; 0 for other instructions. Of a select's
// three, the last is none of the two that it chooses from.
func arguments(op wasm.Opcode) int {
	switch op {
	case wasm.OpI64Add, wasm.OpI64Sub, wasm.OpI64Mul, wasm.OpI64And, wasm.OpI64Or, wasm.OpI64Xor, wasm.OpI64Shl:
		return 2
	case wasm.OpI64Extend32S:
		return 1
	case wasm.OpSelect:
		return 3
	}
	return 0
}

// demand has the operands of an instruction converted that were of 64 bits and become of 32. It reports whether the
// instruction takes or gives other types than before.
func (l *lowering) demand(in *wasm.Instr, taken []int32) bool {
	var was, is [4]wasm.ValueType
	before, ok := l.before.Operands(in, was[:])
	if !ok {
		return false
	}
	after, _ := l.after.Operands(in, is[:])
	changed := before.Gives != after.Gives
	f := &l.work
	s := &f.steps[len(f.steps)-1]
	missing := len(before.Takes) - len(taken) // in code that is never reached
	if in.Op == wasm.OpCallIndirect || in.Op == wasm.OpReturnCallIndirect {
		missing = 1 - len(taken) // the index is on top of the arguments
	}
	for i := range before.Takes {
		if before.Takes[i] == after.Takes[i] {
			continue
		}
		changed = true
		how := l.conversion(in.Op, i)
		switch {
		case beyond(in) || i < missing:
			s.pending |= 1 << i
		case how == cut:
			f.want(address, i, taken[i-missing])
		case !f.saturate(taken[i-missing]):
			s.pending |= 1 << i
		}
	}
	return changed
}

// conversion says how an operand of an instruction is converted.
func (l *lowering) conversion(op wasm.Opcode, operand int) conversion {
	switch op {
	case wasm.OpMemoryFill, wasm.OpMemoryCopy:
		if operand < 2 && !l.options.Check {
			return cut
		}
	case wasm.OpMemoryGrow, wasm.OpTableGet, wasm.OpTableSet, wasm.OpTableInit, wasm.OpTableCopy, wasm.OpTableGrow,
		wasm.OpTableFill:
	default:
		if !l.options.Check {
			return cut
		}
	}
	return saturate
}

// beyond reports whether an access's offset is one that no memory of 32 bits reaches.
func beyond(in *wasm.Instr) bool { return in.HasMemArg() && in.Memory.Offset >= 1<<32 }

// saturate converts a value, all of whose bits count, where it is made, and reports whether that can be.
func (f *function) saturate(n int32) bool {
	if n < 0 {
		return false
	}
	s := &f.steps[f.nodes[n].step]
	switch {
	case s.op == wasm.OpI64Const && s.act == keep:
		s.act = constant
		if s.value > 1<<32-1 {
			s.value = 1<<32 - 1
		}
	case s.op == wasm.OpI64ExtendI32U && s.act == keep:
		s.act = leaveOut
	case loads[s.op].narrow != 0 && !loads[s.op].signed:
		s.act, s.op = access, loads[s.op].narrow
	case f.nodes[n].top:
		s.after = saturate
	default:
		return false
	}
	return true
}

// impossible is the cost of what can't be.
const impossible = 1 << 20

// cost is how many instructions more it takes to have only the lower half of a value.
func (f *function) cost(n int32, depth int) int {
	if n < 0 {
		return impossible
	}
	cost := impossible
	if f.nodes[n].top {
		cost = 1
	}
	return min(cost, f.deeper(n, depth))
}

// deeper is the cost of making the value with 32 bits.
func (f *function) deeper(n int32, depth int) int {
	v := &f.nodes[n]
	s := &f.steps[v.step]
	if loads[s.op].narrow != 0 {
		return 0
	}
	if depth == 0 || s.act != keep {
		return impossible
	}
	switch s.op {
	case wasm.OpI64Const:
		return 0
	case wasm.OpI64ExtendI32S, wasm.OpI64ExtendI32U:
		return -1
	case wasm.OpI64Extend32S:
		return f.cost(v.args[0], depth-1) - 1
	case wasm.OpI64Shl:
		if !f.shiftable(v.args[1]) {
			return impossible
		}
		return f.cost(v.args[0], depth-1)
	}
	if arguments(s.op) >= 2 {
		return f.cost(v.args[0], depth-1) + f.cost(v.args[1], depth-1)
	}
	return impossible
}

// shiftable reports whether a value is a constant by which 32 bits can be shifted.
func (f *function) shiftable(n int32) bool {
	if n < 0 {
		return false
	}
	s := &f.steps[f.nodes[n].step]
	return s.op == wasm.OpI64Const && s.act == keep && s.value < 32
}

// cut makes a value's lower half, in the way that costs least.
func (f *function) cut(n int32, depth int) {
	v := &f.nodes[n]
	s := &f.steps[v.step]
	if v.short && (s.op == wasm.OpLocalGet || s.op == wasm.OpLocalTee) {
		return
	}
	if !v.short && v.top && f.deeper(n, depth) > 1 {
		s.after = cut
		return
	}
	if load := loads[s.op]; load.narrow != 0 {
		s.act, s.op = access, load.narrow
		return
	}
	below := depth - 1
	if v.short {
		below = maxDepth // of what stands beneath it, each is looked at for itself
	}
	switch s.op {
	case wasm.OpI64Const:
		s.act = constant
		return
	case wasm.OpI64ExtendI32S, wasm.OpI64ExtendI32U:
		s.act = leaveOut
		return
	case wasm.OpI64Extend32S:
		s.act = leaveOut
		f.cut(v.args[0], below)
		return
	case wasm.OpSelect:
	default:
		s.act, s.op = exchange, narrowed[s.op]
	}
	f.cut(v.args[0], below)
	f.cut(v.args[1], below)
}

// narrowed are the instructions of 32 bits that give the lower half of what those of 64 bits give.
var narrowed = map[wasm.Opcode]wasm.Opcode{wasm.OpI64Add: wasm.OpI32Add, wasm.OpI64Sub: wasm.OpI32Sub,
	wasm.OpI64Mul: wasm.OpI32Mul,
	wasm.OpI64And: wasm.OpI32And, wasm.OpI64Or: wasm.OpI32Or, wasm.OpI64Xor: wasm.OpI32Xor, wasm.OpI64Shl: wasm.OpI32Shl}

// load is what a load of less than 64 bits becomes where its lower half is enough.
type load struct {
	narrow wasm.Opcode
	signed bool // the upper half is not always 0
}

var loads = map[wasm.Opcode]load{
	wasm.OpI64Load8S:  {wasm.OpI32Load8S, true},
	wasm.OpI64Load8U:  {wasm.OpI32Load8U, false},
	wasm.OpI64Load16S: {wasm.OpI32Load16S, true},
	wasm.OpI64Load16U: {wasm.OpI32Load16U, false},
	wasm.OpI64Load32S: {wasm.OpI32Load, true},
	wasm.OpI64Load32U: {wasm.OpI32Load, false},
}
