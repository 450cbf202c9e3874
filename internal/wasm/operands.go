package wasm

// Operands are the types of what an instruction takes from the stack, the top last, and gives.
type Operands struct {
	Takes []ValueType
	Gives ValueType // Unknown for nothing
}

// Operands gives those of an instruction that names a memory or a table, which say what type its addresses are of; of
// an indirect call only the index, which is on top of its arguments. It is false for other instructions, and where
// there is no such memory or table.
func (s *Spaces) Operands(in *Instr, buffer []ValueType) (Operands, bool) {
	o := &operations[in.Op]
	takes := buffer[:0]
	switch o.imm {
	case immMem, immMemLane, immMemory, immMemoryInit, immMemoryCopy, immTableInit, immTableCopy, immTable,
		immCallIndirect:
	default:
		return Operands{}, false
	}
	if !s.named(in, o) {
		return Operands{}, false
	}
	if !o.typed {
		return s.untyped(in, takes)
	}
	for i := range len(o.pops) {
		takes = append(takes, s.letterType(in, o, o.pops[i]))
	}
	if o.pushes == "" {
		return Operands{Takes: takes}, true
	}
	return Operands{Takes: takes, Gives: s.letterType(in, o, o.pushes[0])}, true
}

// untyped is Operands for what the operations table does not type.
func (s *Spaces) untyped(in *Instr, takes []ValueType) (Operands, bool) {
	index := in.Index
	if operations[in.Op].imm == immCallIndirect {
		index = in.Index2
	}
	table := s.Tables[index]
	address := table.Limits.Address()
	switch in.Op {
	case OpCallIndirect, OpReturnCallIndirect:
		return Operands{Takes: append(takes, address)}, true
	case OpTableGet:
		return Operands{Takes: append(takes, address), Gives: table.Type}, true
	case OpTableSet:
		return Operands{Takes: append(takes, address, table.Type)}, true
	case OpTableGrow:
		return Operands{Takes: append(takes, table.Type, address), Gives: address}, true
	case OpTableFill:
		return Operands{Takes: append(takes, address, table.Type, address)}, true
	}
	return Operands{}, false
}

// named reports whether the memories and tables that an instruction names are there.
func (s *Spaces) named(in *Instr, o *operation) bool {
	memory := func(i uint32) bool { return uint64(i) < uint64(len(s.Memories)) }
	table := func(i uint32) bool { return uint64(i) < uint64(len(s.Tables)) }
	switch o.imm {
	case immMem, immMemLane:
		return memory(in.Memory.Memory)
	case immMemory:
		return memory(in.Index)
	case immMemoryInit:
		return memory(in.Index2)
	case immMemoryCopy:
		return memory(in.Index) && memory(in.Index2)
	case immTable:
		return table(in.Index)
	case immTableCopy:
		return table(in.Index) && table(in.Index2)
	}
	return table(in.Index2) // immTableInit, immCallIndirect
}
