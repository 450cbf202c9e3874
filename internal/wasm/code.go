package wasm

import "encoding/binary"

// Code is instructions being written; its methods append one each. The zero value is empty. A body needs a last End.
type Code []byte

// Op appends an instruction without immediates.
func (c *Code) Op(op Opcode) { *c = appendOpcode(*c, op) }

// Index appends an instruction with an index: of a local, global, function, label, tag, table or segment.
func (c *Code) Index(op Opcode, index uint32) { *c = AppendU32(appendOpcode(*c, op), index) }

// Block appends an instruction that opens a block.
func (c *Code) Block(op Opcode, t BlockType) { *c = AppendS64(appendOpcode(*c, op), int64(t)) }

// I32 appends a constant.
func (c *Code) I32(v int32) { *c = AppendS64(append(*c, byte(OpI32Const)), int64(v)) }

// I64 appends a constant.
func (c *Code) I64(v int64) { *c = AppendS64(append(*c, byte(OpI64Const)), v) }

// Memory appends a load or a store; one of a lane needs the lane's number behind it.
func (c *Code) Memory(op Opcode, m MemArg) { *c = appendMemArg(appendOpcode(*c, op), m) }

// CallIndirect appends a call of an entry of a table.
func (c *Code) CallIndirect(function uint32, table uint32) {
	*c = AppendU32(AppendU32(append(*c, byte(OpCallIndirect)), function), table)
}

// BrTable appends a branch by an index; the last label is the default.
func (c *Code) BrTable(labels []uint32) {
	*c = AppendU32(append(*c, byte(OpBrTable)), uint32(len(labels)-1))
	for _, l := range labels {
		*c = AppendU32(*c, l)
	}
}

// Zero appends the default value of a type.
func (c *Code) Zero(t ValueType) {
	switch t {
	case I32:
		c.I32(0)
	case I64:
		c.I64(0)
	case F32:
		*c = append(append(*c, byte(OpF32Const)), make([]byte, 4)...)
	case F64:
		*c = append(append(*c, byte(OpF64Const)), make([]byte, 8)...)
	case V128:
		c.Op(OpV128Const)
		*c = append(*c, make([]byte, 16)...)
	default:
		*c = append(*c, byte(OpRefNull), byte(t))
	}
}

// Convert appends what makes a number of one type from another's: integers are sign-extended or cut, floats rounded.
// Between integers and floats it appends nothing, nor where the types are the same.
func (c *Code) Convert(from, to ValueType) {
	switch {
	case from == I64 && to == I32:
		c.Op(OpI32WrapI64)
	case from == I32 && to == I64:
		c.Op(OpI64ExtendI32S)
	case from == F64 && to == F32:
		c.Op(OpF32DemoteF64)
	case from == F32 && to == F64:
		c.Op(OpF64PromoteF32)
	}
}

// Raw appends instructions as they are.
func (c *Code) Raw(code []byte) { *c = append(*c, code...) }

// ConstExpr is the constant expression that gives a type's default value.
func ConstExpr(t ValueType) Expr {
	var c Code
	c.Zero(t)
	c.Op(OpEnd)
	return Expr(c)
}

// Instr appends an instruction as a Reader gives it, with the shortest integers.
func (c *Code) Instr(in *Instr) {
	b := appendOpcode(*c, in.Op)
	switch operations[in.Op].imm {
	case immLabel, immFunc, immLocal, immGlobal, immTag, immTable, immMemory, immData, immElem:
		b = AppendU32(b, in.Index)
	case immBlock:
		b = AppendS64(b, int64(in.Block))
	case immMem:
		b = appendMemArg(b, in.Memory)
	case immMemLane:
		b = append(appendMemArg(b, in.Memory), in.Lane)
	case immI32, immI64:
		b = AppendS64(b, int64(in.Bits))
	case immF32:
		b = binary.LittleEndian.AppendUint32(b, uint32(in.Bits))
	case immF64:
		b = binary.LittleEndian.AppendUint64(b, in.Bits)
	case immCallIndirect, immMemoryInit, immMemoryCopy, immTableInit, immTableCopy:
		b = AppendU32(AppendU32(b, in.Index), in.Index2)
	case immLabels:
		b = AppendU32(b, uint32(len(in.Labels)-1))
		for _, l := range in.Labels {
			b = AppendU32(b, l)
		}
	case immTypes:
		b = AppendU32(b, uint32(len(in.Types)))
		b = appendTypes(b, in.Types)
	case immRefType:
		b = appendTypes(b, in.Types)
	case immLane:
		b = append(b, in.Lane)
	case immV128, immShuffle:
		b = append(b, in.Vector[:]...)
	case immFence:
		b = append(b, 0)
	case immTryTable:
		b = appendCatches(AppendS64(b, int64(in.Block)), in.Catches)
	}
	*c = b
}

func appendTypes(b []byte, types []ValueType) []byte {
	for _, t := range types {
		b = append(b, byte(t))
	}
	return b
}

func appendMemArg(b []byte, m MemArg) []byte {
	if m.Memory != 0 {
		b = AppendU32(AppendU32(b, m.Align|0x40), m.Memory)
	} else {
		b = AppendU32(b, m.Align)
	}
	return AppendU64(b, m.Offset)
}

func appendCatches(b []byte, catches []Catch) []byte {
	b = AppendU32(b, uint32(len(catches)))
	for _, c := range catches {
		b = append(b, c.Kind)
		if c.Kind < 2 {
			b = AppendU32(b, c.Tag)
		}
		b = AppendU32(b, c.Label)
	}
	return b
}

func appendOpcode(b []byte, op Opcode) []byte {
	switch {
	case op < firstNumeric:
		return append(b, byte(op))
	case op < firstVector:
		return AppendU32(append(b, prefixNumeric), uint32(op-firstNumeric))
	case op < firstAtomic:
		return AppendU32(append(b, prefixVector), uint32(op-firstVector))
	}
	return AppendU32(append(b, prefixAtomic), uint32(op-firstAtomic))
}
