package wasm

import "slices"

// Frame is a block that is open at the current instruction.
type Frame struct {
	// Op is OpBlock, OpLoop, OpIf, OpElse, OpTry, OpCatch, OpCatchAll or OpTryTable: the part of the block that is being
	// read. The outermost frame, which is the function's body, is an OpBlock with Start -1.
	Op Opcode
	// Start is the offset in the body of the instruction that opened the block.
	Start           int
	Params, Results []ValueType
	// Height is that of the operand stack beneath the block, its parameters not counted.
	Height int
	// Unreachable says that control can't come to the current instruction of this frame.
	Unreachable bool
}

// Label is what a branch to the frame carries.
func (f *Frame) Label() []ValueType {
	if f.Op == OpLoop {
		return f.Params
	}
	return f.Results
}

// Cursor reads a function's instructions and keeps the stacks of operands and blocks as the standard's validation does.
// It accepts valid functions only.
//
// Between two calls of Next, Instr is an instruction and Stack and Frames are as they stand before it.
type Cursor struct {
	Reader
	spaces   *Spaces
	function int
	offset   int // of the body in the module
	locals   []ValueType
	stack    []ValueType
	frames   []Frame
	applied  bool // Instr's effect is in the stacks
	kept     int  // the lowest that the stack was while the last effect was applied
}

// Cursor makes a cursor over functions of the module; Open says which.
func (s *Spaces) Cursor() *Cursor { return &Cursor{spaces: s} }

// Open goes to the start of a function that the module defines.
func (c *Cursor) Open(function uint32) error {
	c.stack, c.frames, c.locals, c.applied = c.stack[:0], c.frames[:0], c.locals[:0], true
	c.function = int(function)
	first := len(c.spaces.Functions) - len(c.spaces.Module.Functions)
	c.Reset(nil)
	if c.function < first || c.function >= len(c.spaces.Functions) {
		c.fail("the module does not define this function")
		return c.Err()
	}
	f := &c.spaces.Module.Functions[c.function-first]
	c.offset = f.Offset
	c.Reset(f.Body)
	t, ok := c.spaces.FunctionType(function)
	if !ok {
		c.fail("the function is of unknown type %d", f.Type)
		return c.Err()
	}
	c.locals = append(c.locals, t.Params...)
	for _, l := range f.Locals {
		if uint64(len(c.locals))+uint64(l.Count) > MaxLocals {
			c.fail("the function has more than %d locals", MaxLocals)
			return c.Err()
		}
		c.locals = appendRepeated(c.locals, l.Type, int(l.Count))
	}
	c.frames = append(c.frames, Frame{Op: OpBlock, Start: -1, Results: t.Results})
	return nil
}

// appendRepeated appends n times the same, by copying twice as much each time.
func appendRepeated(types []ValueType, t ValueType, n int) []ValueType {
	if n == 0 {
		return types
	}
	start := len(types)
	types = slices.Grow(types, n)[:start+n]
	types[start] = t
	for done := 1; done < n; done *= 2 {
		copy(types[start+done:], types[start:start+done])
	}
	return types
}

// Next applies the effect of the current instruction and reads the one after it. It reports whether there is one: not
// behind the function's last end, nor after an error.
func (c *Cursor) Next() bool {
	if !c.applied {
		c.apply()
		c.applied = true
	}
	if c.err != nil {
		return false
	}
	if len(c.frames) == 0 {
		if c.at < len(c.code) {
			c.fail("instructions follow the end of the function")
		}
		return false
	}
	if !c.Reader.Next() {
		if c.err == nil {
			c.fail("the function has no end")
		}
		return false
	}
	c.applied = false
	return true
}

// Fork gives a cursor of its own that stands where c does. Locals are shared: both are valid until c's next Open.
func (c *Cursor) Fork() *Cursor {
	f := *c
	f.Instr.Labels, f.Instr.Types, f.Instr.Catches = nil, nil, nil
	f.stack, f.frames = slices.Clone(c.stack), slices.Clone(c.frames)
	return &f
}

// Operands gives what the current instruction's Operands are: see Spaces.Operands.
func (c *Cursor) Operands(in *Instr, buffer []ValueType) (Operands, bool) {
	return c.spaces.Operands(in, buffer)
}

// OneRun reports whether the loop that the current instruction opens is one run of instructions of at most so many
// bytes, without blocks and calls, up to a branch back at its end. It reads no further than it must.
func (c *Cursor) OneRun(bytes int) bool {
	r := Reader{code: c.code, at: c.at}
	for r.Next() && r.at-c.at <= bytes {
		switch r.Instr.Op {
		case OpBlock, OpLoop, OpIf, OpTry, OpTryTable, OpCall, OpCallIndirect, OpReturnCall, OpReturnCallIndirect, OpEnd,
			OpBr, OpBrTable, OpReturn, OpUnreachable, OpThrow, OpRethrow:
			return false
		case OpBrIf:
			if r.Instr.Index == 0 {
				next, _ := r.Peek()
				return next == OpEnd
			}
		}
	}
	return false
}

// Err is what stopped Next before the end.
func (c *Cursor) Err() error {
	if c.err == nil {
		return nil
	}
	e := *c.err
	e.Function, e.Offset = c.function, e.Offset+c.offset
	return &e
}

// Stack is the types of all operands, the top last; Unknown where unreachable code leaves the type open. It is valid
// until Next.
func (c *Cursor) Stack() []ValueType { return c.stack }

// Kept is how many operands, from the bottom, the instruction before the current one left as they were; those above are
// what it gave.
func (c *Cursor) Kept() int { return c.kept }

// Frames is the open blocks, the innermost last. It is valid until Next.
func (c *Cursor) Frames() []Frame { return c.frames }

// Locals is the types of the function's parameters and locals. It is valid until Open.
func (c *Cursor) Locals() []ValueType { return c.locals }

// Reachable reports whether control can come to the current instruction, as far as validation knows.
func (c *Cursor) Reachable() bool {
	return len(c.frames) > 0 && !c.frames[len(c.frames)-1].Unreachable
}

func (c *Cursor) top() *Frame { return &c.frames[len(c.frames)-1] }

func (c *Cursor) push(t ValueType) { c.stack = append(c.stack, t) }

func (c *Cursor) pushAll(types []ValueType) {
	if c.stack = append(c.stack, types...); len(c.stack) > maxStack {
		c.mismatch("more than %d operands", maxStack)
	}
}

// pop takes a value of a type, or of any type where that is Unknown, and returns what it was.
func (c *Cursor) pop(want ValueType) ValueType {
	top := c.top()
	if len(c.stack) == top.Height {
		if !top.Unreachable {
			c.mismatch("%s needs a value (%s) and there is none", c.Instr.Op, want)
		}
		return want
	}
	have := c.stack[len(c.stack)-1]
	c.stack = c.stack[:len(c.stack)-1]
	c.kept = min(c.kept, len(c.stack))
	if have != want && have != Unknown && want != Unknown {
		c.mismatch("%s needs %s and finds %s", c.Instr.Op, want, have)
	}
	if have == Unknown {
		return want
	}
	return have
}

func (c *Cursor) popAll(types []ValueType) {
	for i := len(types) - 1; i >= 0; i-- {
		c.pop(types[i])
	}
}

// mismatch reports an error of the current instruction.
func (c *Cursor) mismatch(format string, args ...any) {
	if c.err == nil {
		c.fail(format, args...)
		c.err.Offset = c.Instr.Start
	}
}

// unreachable forgets the frame's operands, after an instruction behind which control does not go on.
func (c *Cursor) unreachable() {
	top := c.top()
	c.stack = c.stack[:top.Height]
	c.kept = min(c.kept, len(c.stack))
	top.Unreachable = true
}

// enter opens a block whose parameters have been popped.
func (c *Cursor) enter(op Opcode, t FuncType) {
	c.frames = append(c.frames, Frame{Op: op, Start: c.Instr.Start, Params: t.Params, Results: t.Results,
		Height: len(c.stack)})
	c.pushAll(t.Params)
}

// leave closes the innermost part of a block and returns its frame; its results are popped.
func (c *Cursor) leave() Frame {
	top := *c.top()
	c.popAll(top.Results)
	if len(c.stack) != top.Height {
		c.mismatch("%d values are left at the end of a block", len(c.stack)-top.Height)
		c.stack = c.stack[:top.Height]
	}
	c.frames = c.frames[:len(c.frames)-1]
	return top
}

// label finds the frame that a branch goes to.
func (c *Cursor) label(depth uint32) *Frame {
	if uint64(depth) >= uint64(len(c.frames)) {
		c.mismatch("%s goes to label %d and only %d blocks are open", c.Instr.Op, depth, len(c.frames))
		return &c.frames[0]
	}
	return &c.frames[len(c.frames)-1-int(depth)]
}
