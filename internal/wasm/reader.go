package wasm

import "encoding/binary"

// Instr is one instruction. Which fields count follows from Op; the others keep what they held.
type Instr struct {
	Op         Opcode
	Start, End int // its bytes in the Expr

	// Index is the immediate of instructions that have one: a local, global, function, label (br, br_if, rethrow,
	// delegate), tag, table, segment, or, for call_indirect, a type.
	Index uint32
	// Index2 is a second immediate: the table of call_indirect, the memory or table of memory.init and table.init, the
	// source of memory.copy and table.copy.
	Index2 uint32
	// Bits is the value of a constant (i32 and i64 sign-extended, f32 and f64 as their bits).
	Bits   uint64
	Block  BlockType
	Memory MemArg
	Lane   byte
	Vector [16]byte // v128.const, the lanes of i8x16.shuffle
	// Labels are those of br_table, the default last; Types those of a select that spells its type, or of ref.null;
	// Catches those of try_table. They are valid until the next instruction is read.
	Labels  []uint32
	Types   []ValueType
	Catches []Catch
}

// MemArg says where an access goes, besides its address operand.
type MemArg struct {
	Align  uint32 // logarithm
	Memory uint32
	Offset uint64 // below 2^32 where addresses have 32 bits
}

// HasMemArg reports whether the instruction is an access that has a MemArg.
func (in *Instr) HasMemArg() bool {
	imm := operations[in.Op].imm
	return imm == immMem || imm == immMemLane
}

// Catch is a clause of try_table.
type Catch struct {
	Kind  byte // 0 catch, 1 catch_ref, 2 catch_all, 3 catch_all_ref
	Tag   uint32
	Label uint32
}

// Reader reads an Expr instruction by instruction, with their immediates. It knows nothing of their types and does not
// match blocks with their ends; a Cursor does.
type Reader struct {
	Instr Instr
	code  []byte
	at    int
	err   *Error
}

// NewReader reads code from its first byte.
func NewReader(code Expr) *Reader { return &Reader{code: code} }

// Reset makes r read code from its first byte. What the last Instr lent out is used again.
func (r *Reader) Reset(code Expr) {
	r.code, r.at, r.err = code, 0, nil
}

// Err is what stopped Next before the end.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// Raw is the last instruction's bytes, opcode and immediates.
func (r *Reader) Raw() []byte { return r.code[r.Instr.Start:r.Instr.End] }

// Next reads an instruction into Instr, and reports whether there is one: not at the end, nor after an error.
func (r *Reader) Next() bool {
	if r.err != nil || r.at >= len(r.code) {
		return false
	}
	in := &r.Instr
	in.Start = r.at
	op := Opcode(r.code[r.at])
	r.at++
	if op >= 0xfb {
		op = r.prefixed(op)
	}
	if r.err == nil && !op.known() {
		r.fail("%s", unknownInstruction(op))
	}
	if r.err != nil {
		return false
	}
	in.Op = op
	if imm := operations[op].imm; imm != immNone {
		r.immediates(in, imm)
	}
	in.End = r.at
	return r.err == nil
}

func (r *Reader) prefixed(prefix Opcode) Opcode {
	number := r.u32()
	base, limit := firstNumeric, uint32(0x100)
	switch prefix {
	case prefixNumeric:
	case prefixVector:
		base, limit = firstVector, 0x200
	case prefixAtomic:
		base = firstAtomic
	default:
		limit = 0
	}
	if r.err == nil && number >= limit {
		r.fail("%s", unknownInstruction(prefix))
	}
	if r.err != nil {
		return 0
	}
	return base + Opcode(number)
}

// unknownInstruction explains an opcode that is not in the table.
func unknownInstruction(op Opcode) string {
	switch op {
	case 0x14, 0x15, 0xd3, 0xd4, 0xd5, 0xd6:
		return "an instruction of typed function references or garbage collection, which are not supported"
	case 0xfb:
		return "an instruction of garbage collection, which is not supported"
	}
	return op.String() + " is not known"
}

func (r *Reader) immediates(in *Instr, imm immediates) {
	switch imm {
	case immLabel, immFunc, immLocal, immGlobal, immTag, immTable, immMemory, immData, immElem:
		in.Index = r.u32()
	case immBlock:
		in.Block = r.blockType()
	case immMem:
		in.Memory = r.memArg()
	case immI32:
		in.Bits = uint64(r.signed(32))
	case immI64:
		in.Bits = uint64(r.signed(64))
	case immF32:
		if b := r.bytes(4); b != nil {
			in.Bits = uint64(binary.LittleEndian.Uint32(b))
		}
	case immF64:
		if b := r.bytes(8); b != nil {
			in.Bits = binary.LittleEndian.Uint64(b)
		}
	case immCallIndirect, immMemoryInit, immMemoryCopy, immTableInit, immTableCopy:
		in.Index = r.u32()
		in.Index2 = r.u32()
	case immLabels:
		r.labels(in)
	case immTypes:
		in.Types = in.Types[:0]
		for n := r.count(1); n > 0; n-- {
			in.Types = append(in.Types, r.valueType())
		}
	case immRefType:
		in.Types = append(in.Types[:0], r.valueType())
	case immLane:
		in.Lane = r.byte()
	case immMemLane:
		in.Memory = r.memArg()
		in.Lane = r.byte()
	case immV128, immShuffle:
		copy(in.Vector[:], r.bytes(16))
	case immFence:
		if r.byte() != 0 {
			r.fail("atomic.fence has an order that does not exist")
		}
	case immTryTable:
		in.Block = r.blockType()
		r.catches(in)
	}
}

func (r *Reader) labels(in *Instr) {
	in.Labels = in.Labels[:0]
	for n := r.count(1) + 1; n > 0 && r.err == nil; n-- {
		in.Labels = append(in.Labels, r.u32())
	}
}

func (r *Reader) catches(in *Instr) {
	in.Catches = in.Catches[:0]
	for n := r.count(2); n > 0 && r.err == nil; n-- {
		c := Catch{Kind: r.byte()}
		if c.Kind > 3 {
			r.fail("a clause of try_table is of unknown kind %#x", c.Kind)
		}
		if c.Kind < 2 {
			c.Tag = r.u32()
		}
		c.Label = r.u32()
		in.Catches = append(in.Catches, c)
	}
}

func (r *Reader) memArg() MemArg {
	m := MemArg{Align: r.u32()}
	if m.Align&0x40 != 0 {
		m.Align &^= 0x40
		m.Memory = r.u32()
	}
	m.Offset = r.u64()
	return m
}

func (r *Reader) blockType() BlockType {
	b := BlockType(r.signed(33))
	if b < 0 && b != BlockVoid {
		if t := ValueType(b & 0x7f); b < BlockVoid || !t.known() {
			r.fail("%s", unknownType(t))
		}
	}
	return b
}

func (r *Reader) valueType() ValueType {
	t := ValueType(r.byte())
	if r.err == nil && !t.known() {
		r.fail("%s", unknownType(t))
	}
	return t
}

// count reads how many items follow, of which each takes at least min bytes.
func (r *Reader) count(min int) int {
	n := r.u32()
	if r.err == nil && uint64(n)*uint64(min) > uint64(len(r.code)-r.at) {
		r.fail("%d items cannot fit into the %d bytes that are left", n, len(r.code)-r.at)
		return 0
	}
	return int(n)
}

func (r *Reader) byte() byte {
	if r.at >= len(r.code) {
		r.failInteger(0)
		return 0
	}
	b := r.code[r.at]
	r.at++
	return b
}

func (r *Reader) bytes(n int) []byte {
	if n > len(r.code)-r.at {
		r.failInteger(0)
		return nil
	}
	b := r.code[r.at : r.at+n]
	r.at += n
	return b
}

func (r *Reader) u32() uint32 {
	if r.at < len(r.code) {
		if b := r.code[r.at]; b < 0x80 {
			r.at++
			return uint32(b)
		}
	}
	if r.err != nil {
		return 0
	}
	v, n := uleb32(r.code[r.at:])
	if n <= 0 {
		r.failInteger(n)
		return 0
	}
	r.at += n
	return v
}

func (r *Reader) u64() uint64 {
	if r.at < len(r.code) {
		if b := r.code[r.at]; b < 0x80 {
			r.at++
			return uint64(b)
		}
	}
	if r.err != nil {
		return 0
	}
	v, n := uleb64(r.code[r.at:], 64)
	if n <= 0 {
		r.failInteger(n)
		return 0
	}
	r.at += n
	return v
}

func (r *Reader) signed(bits uint) int64 {
	v, n := sleb(r.code[r.at:], bits)
	if n <= 0 {
		r.failInteger(n)
		return 0
	}
	r.at += n
	return v
}

func (r *Reader) failInteger(n int) {
	if n == 0 {
		r.fail("the code ends in the middle of an instruction")
		return
	}
	r.fail("an integer is too long or too large")
}

// fail keeps the first error. The position stays within the code, so that reading on does no harm.
func (r *Reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = errorAt(r.at, format, args...)
	}
}

// Peek looks at the next instruction's first byte, which is its Opcode if it has no prefix, and reports whether that
// byte is the last one; 0, false behind the end.
func (r *Reader) Peek() (next Opcode, last bool) {
	if r.at >= len(r.code) {
		return 0, false
	}
	return Opcode(r.code[r.at]), r.at == len(r.code)-1
}
