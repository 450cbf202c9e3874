package wasm

import "slices"

// apply checks the current instruction and puts its effect into the stacks, by the rules of the standard's appendix on
// validation.
func (c *Cursor) apply() {
	c.kept = len(c.stack)
	in := &c.Instr
	o := &operations[in.Op]
	if o.imm != immNone {
		c.checkImmediates(in, o)
		if c.err != nil {
			return
		}
	}
	if o.typed {
		for i := len(o.pops) - 1; i >= 0; i-- {
			c.pop(c.spaces.letterType(in, o, o.pops[i]))
		}
		if o.pushes != "" {
			c.push(c.spaces.letterType(in, o, o.pushes[0]))
		}
		return
	}
	switch {
	case in.Op <= OpCallIndirect, in.Op == OpReturnCall, in.Op == OpReturnCallIndirect, in.Op == OpDelegate,
		in.Op == OpCatchAll, in.Op == OpTryTable:
		c.applyControl(in)
	case in.Op >= OpRefNull && in.Op <= OpRefFunc, in.Op == OpTableGet, in.Op == OpTableSet, in.Op == OpTableGrow,
		in.Op == OpTableFill:
		c.applyReference(in)
	default:
		c.applyVariable(in)
	}
}

// letterType is the type that a letter of the operations table stands for, of addresses by the memories or tables that
// the instruction names.
func (s *Spaces) letterType(in *Instr, o *operation, letter byte) ValueType {
	if t := letterTypes[letter]; t != Unknown {
		return t
	}
	var first, second Limits
	switch o.imm {
	case immMem, immMemLane:
		first = s.Memories[in.Memory.Memory]
	case immMemory:
		first = s.Memories[in.Index]
	case immMemoryInit:
		first = s.Memories[in.Index2]
	case immMemoryCopy:
		first, second = s.Memories[in.Index], s.Memories[in.Index2]
	case immTable:
		first = s.Tables[in.Index].Limits
	case immTableInit:
		first = s.Tables[in.Index2].Limits
	case immTableCopy:
		first, second = s.Tables[in.Index].Limits, s.Tables[in.Index2].Limits
	}
	switch letter {
	case 'b':
		return second.Address()
	case 'c':
		return Limits{Is64: first.Is64 && second.Is64}.Address()
	}
	return first.Address()
}

func (c *Cursor) applyVariable(in *Instr) {
	switch in.Op {
	case OpDrop:
		c.pop(Unknown)
	case OpSelect:
		c.pop(I32)
		t := c.pop(Unknown)
		if t.IsReference() {
			c.mismatch("select of a %s must spell its type", t)
		}
		if u := c.pop(t); t == Unknown {
			t = u
		}
		if t.IsReference() {
			c.mismatch("select of a %s must spell its type", t)
		}
		c.push(t)
	case OpSelectTyped:
		if len(in.Types) != 1 {
			c.mismatch("select must have one type and has %d", len(in.Types))
			return
		}
		c.pop(I32)
		c.pop(in.Types[0])
		c.pop(in.Types[0])
		c.push(in.Types[0])
	case OpLocalGet:
		c.push(c.locals[in.Index])
	case OpLocalSet:
		c.pop(c.locals[in.Index])
	case OpLocalTee:
		c.pop(c.locals[in.Index])
		c.push(c.locals[in.Index])
	case OpGlobalGet:
		c.push(c.spaces.Globals[in.Index].Type)
	case OpGlobalSet:
		if !c.spaces.Globals[in.Index].Mutable {
			c.mismatch("global %d is immutable", in.Index)
		}
		c.pop(c.spaces.Globals[in.Index].Type)
	default:
		c.mismatch("%s can't stand here", in.Op)
	}
}

func (c *Cursor) applyReference(in *Instr) {
	switch in.Op {
	case OpRefNull:
		if !in.Types[0].IsReference() {
			c.mismatch("ref.null of %s", in.Types[0])
		}
		c.push(in.Types[0])
	case OpRefIsNull:
		if t := c.pop(Unknown); t != Unknown && !t.IsReference() {
			c.mismatch("ref.is_null needs a reference and finds %s", t)
		}
		c.push(I32)
	case OpRefFunc:
		if !c.spaces.isDeclared(in.Index) {
			c.mismatch("ref.func names function %d, which nothing outside of bodies names", in.Index)
		}
		c.push(FuncRef)
	default:
		c.applyTable(in, c.spaces.Tables[in.Index])
	}
}

func (c *Cursor) applyTable(in *Instr, table Table) {
	address := table.Limits.Address()
	switch in.Op {
	case OpTableGet:
		c.pop(address)
		c.push(table.Type)
	case OpTableSet:
		c.pop(table.Type)
		c.pop(address)
	case OpTableGrow:
		c.pop(address)
		c.pop(table.Type)
		c.push(address)
	case OpTableFill:
		c.pop(address)
		c.pop(table.Type)
		c.pop(address)
	}
}

func (c *Cursor) applyControl(in *Instr) {
	switch in.Op {
	case OpUnreachable:
		c.unreachable()
	case OpBlock, OpLoop, OpIf, OpTry, OpTryTable:
		c.open(in)
	case OpElse:
		if f := c.leave(); f.Op != OpIf {
			c.mismatch("an else without its if")
		} else {
			c.reopen(OpElse, f, f.Params)
		}
	case OpCatch, OpCatchAll:
		c.applyCatch(in)
	case OpEnd, OpDelegate:
		c.close(in)
	case OpBr:
		c.popAll(c.label(in.Index).Label())
		c.unreachable()
	case OpBrIf:
		c.pop(I32)
		types := c.label(in.Index).Label()
		c.popAll(types)
		c.pushAll(types)
	case OpBrTable:
		c.applyBrTable(in)
	case OpReturn:
		c.popAll(c.frames[0].Results)
		c.unreachable()
	case OpCall, OpCallIndirect, OpReturnCall, OpReturnCallIndirect:
		c.applyCall(in)
	case OpThrow, OpRethrow, OpThrowRef:
		c.applyThrow(in)
	}
}

func (c *Cursor) open(in *Instr) {
	t, ok := c.spaces.BlockType(in.Block)
	if !ok {
		c.mismatch("%s is of unknown type %d", in.Op, in.Block)
		return
	}
	if in.Op == OpIf {
		c.pop(I32)
	}
	c.popAll(t.Params)
	if in.Op == OpTryTable {
		c.checkCatches(in)
	}
	c.enter(in.Op, t)
}

// reopen begins another part of a block that was left: else, catch, catch_all.
func (c *Cursor) reopen(op Opcode, f Frame, with []ValueType) {
	f.Op, f.Unreachable = op, false
	c.frames = append(c.frames, f)
	c.pushAll(with)
}

func (c *Cursor) applyCatch(in *Instr) {
	f := c.leave()
	if f.Op != OpTry && f.Op != OpCatch {
		c.mismatch("%s without its try", in.Op)
		return
	}
	var carried []ValueType
	if in.Op == OpCatch {
		t, _ := c.spaces.TagType(in.Index)
		carried = t.Params
	}
	c.reopen(in.Op, f, carried)
}

func (c *Cursor) close(in *Instr) {
	if in.Op == OpDelegate {
		if c.top().Op != OpTry {
			c.mismatch("delegate without its try")
			return
		}
		// The label counts from the block around the try; the function's own body is one.
		if uint64(in.Index)+1 >= uint64(len(c.frames)) {
			c.mismatch("delegate goes to label %d and only %d blocks are open", in.Index, len(c.frames)-1)
			return
		}
	}
	f := c.leave()
	if f.Op == OpIf && !slices.Equal(f.Params, f.Results) {
		c.mismatch("an if without else must give what it takes")
	}
	c.pushAll(f.Results)
}

func (c *Cursor) applyBrTable(in *Instr) {
	c.pop(I32)
	last := c.label(in.Labels[len(in.Labels)-1]).Label()
	for _, l := range in.Labels {
		types := c.label(l).Label()
		if len(types) == len(last) && (len(types) == 0 || &types[0] == &last[0]) {
			continue // popped below
		}
		if len(types) != len(last) {
			c.mismatch("the labels of br_table take %d and %d values", len(types), len(last))
		}
		if c.err != nil {
			return
		}
		c.peek(types)
	}
	c.popAll(last)
	c.unreachable()
}

// peek checks that the top of the stack could be popped as types.
func (c *Cursor) peek(types []ValueType) {
	top := c.top()
	for i := range types {
		at, want := len(c.stack)-1-i, types[len(types)-1-i]
		if at < top.Height {
			if !top.Unreachable {
				c.mismatch("%s needs a value (%s) and there is none", c.Instr.Op, want)
			}
			return
		}
		if have := c.stack[at]; have != want && have != Unknown {
			c.mismatch("%s needs %s and finds %s", c.Instr.Op, want, have)
		}
	}
}

func (c *Cursor) applyCall(in *Instr) {
	indirect := in.Op == OpCallIndirect || in.Op == OpReturnCallIndirect
	t, ok := c.spaces.FunctionType(in.Index)
	if indirect {
		t, ok = c.spaces.typeAt(in.Index)
		c.pop(c.spaces.Tables[in.Index2].Limits.Address())
	}
	if !ok {
		c.mismatch("%s of unknown type %d", in.Op, in.Index)
		return
	}
	c.popAll(t.Params)
	if in.Op == OpCall || in.Op == OpCallIndirect {
		c.pushAll(t.Results)
		return
	}
	if !slices.Equal(t.Results, c.frames[0].Results) {
		c.mismatch("%s of a function with other results", in.Op)
	}
	c.unreachable()
}

func (c *Cursor) applyThrow(in *Instr) {
	switch in.Op {
	case OpThrow:
		t, _ := c.spaces.TagType(in.Index)
		c.popAll(t.Params)
	case OpRethrow:
		if f := c.label(in.Index); f.Op != OpCatch && f.Op != OpCatchAll {
			c.mismatch("rethrow of label %d, which is no catch", in.Index)
		}
	case OpThrowRef:
		c.pop(ExnRef)
	}
	c.unreachable()
}

// checkCatches checks the clauses of a try_table, whose labels count from outside of it.
func (c *Cursor) checkCatches(in *Instr) {
	for _, clause := range in.Catches {
		var carried []ValueType
		if clause.Kind < 2 {
			t, ok := c.spaces.TagType(clause.Tag)
			if !ok {
				c.mismatch("try_table catches the unknown tag %d", clause.Tag)
				return
			}
			carried = append(carried, t.Params...)
		}
		if clause.Kind&1 != 0 {
			carried = append(carried, ExnRef)
		}
		if want := c.label(clause.Label).Label(); !slices.Equal(carried, want) {
			c.mismatch("a clause of try_table carries (%s) to a label that takes (%s)", typeList(carried), typeList(want))
		}
	}
}

// checkImmediates checks the indices and numbers of an instruction.
func (c *Cursor) checkImmediates(in *Instr, o *operation) {
	s, m := c.spaces, c.spaces.Module
	switch o.imm {
	case immLocal:
		c.within(in.Index, len(c.locals), "local")
	case immGlobal:
		c.within(in.Index, len(s.Globals), "global")
	case immFunc:
		c.within(in.Index, len(s.Functions), "function")
	case immTable:
		c.within(in.Index, len(s.Tables), "table")
	case immTag:
		c.within(in.Index, len(s.Tags), "tag")
		if t, ok := s.TagType(in.Index); c.err == nil && (!ok || len(t.Results) > 0) {
			c.mismatch("tag %d is of no type that a tag can have", in.Index)
		}
	case immMem, immMemLane:
		c.checkAccess(in, o)
	case immMemory:
		c.within(in.Index, len(s.Memories), "memory")
	case immLane:
		c.within(uint32(in.Lane), int(o.limit), "lane")
	case immShuffle:
		for _, lane := range in.Vector {
			c.within(uint32(lane), int(o.limit), "lane")
		}
	case immCallIndirect:
		c.within(in.Index2, len(s.Tables), "table")
		if c.err == nil && s.Tables[in.Index2].Type != FuncRef {
			c.mismatch("%s through a table of %s", in.Op, s.Tables[in.Index2].Type)
		}
	case immMemoryInit, immData:
		c.within(in.Index, len(m.Data), "data segment")
		if !m.HasCount {
			c.mismatch("%s needs a data count section", in.Op)
		}
		if o.imm == immMemoryInit {
			c.within(in.Index2, len(s.Memories), "memory")
		}
	case immMemoryCopy:
		c.within(in.Index, len(s.Memories), "memory")
		c.within(in.Index2, len(s.Memories), "memory")
	case immElem:
		c.within(in.Index, len(m.Elements), "element segment")
	case immTableInit:
		c.within(in.Index, len(m.Elements), "element segment")
		c.within(in.Index2, len(s.Tables), "table")
		if c.err == nil && m.Elements[in.Index].Type != s.Tables[in.Index2].Type {
			c.mismatch("table.init of a table of %s", s.Tables[in.Index2].Type)
		}
	case immTableCopy:
		c.within(in.Index, len(s.Tables), "table")
		c.within(in.Index2, len(s.Tables), "table")
		if c.err == nil && s.Tables[in.Index].Type != s.Tables[in.Index2].Type {
			c.mismatch("table.copy between tables of different types")
		}
	}
}

func (c *Cursor) checkAccess(in *Instr, o *operation) {
	c.within(in.Memory.Memory, len(c.spaces.Memories), "memory")
	if c.err != nil {
		return
	}
	switch {
	case in.Memory.Offset > 1<<32-1 && !c.spaces.Memories[in.Memory.Memory].Is64:
		c.mismatch("%s has an offset of %#x, beyond a memory of 32 bits", in.Op, in.Memory.Offset)
	case in.Memory.Align > uint32(o.limit):
		c.mismatch("%s has an alignment larger than its access", in.Op)
	case in.Op.isAtomic() && in.Memory.Align != uint32(o.limit):
		c.mismatch("%s must have its natural alignment", in.Op)
	}
	if o.imm == immMemLane {
		c.within(uint32(in.Lane), 16>>o.limit, "lane")
	}
}

func (c *Cursor) within(index uint32, count int, what string) {
	if uint64(index) >= uint64(count) {
		c.mismatch("%s names %s %d of %d", c.Instr.Op, what, index, count)
	}
}
