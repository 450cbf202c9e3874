package wasm

import "fmt"

// Opcode names an instruction: its byte, or 0x100, 0x200, 0x400 plus the number that follows a prefix 0xfc, 0xfd, 0xfe.
type Opcode uint16

// Prefixes of the binary format, and where their instructions begin among Opcodes.
const (
	prefixNumeric = 0xfc
	prefixVector  = 0xfd
	prefixAtomic  = 0xfe

	firstNumeric Opcode = 0x100
	firstVector  Opcode = 0x200
	firstRelaxed Opcode = 0x300
	firstAtomic  Opcode = 0x400
	opcodes             = 0x500
)

// Instructions that passes name. The table in operations.go has them all.
const (
	OpUnreachable  Opcode = 0x00
	OpNop          Opcode = 0x01
	OpBlock        Opcode = 0x02
	OpLoop         Opcode = 0x03
	OpIf           Opcode = 0x04
	OpElse         Opcode = 0x05
	OpTry          Opcode = 0x06
	OpCatch        Opcode = 0x07
	OpThrow        Opcode = 0x08
	OpRethrow      Opcode = 0x09
	OpThrowRef     Opcode = 0x0a
	OpEnd          Opcode = 0x0b
	OpBr           Opcode = 0x0c
	OpBrIf         Opcode = 0x0d
	OpBrTable      Opcode = 0x0e
	OpReturn       Opcode = 0x0f
	OpCall         Opcode = 0x10
	OpCallIndirect Opcode = 0x11

	OpReturnCall         Opcode = 0x12
	OpReturnCallIndirect Opcode = 0x13

	OpDelegate    Opcode = 0x18
	OpCatchAll    Opcode = 0x19
	OpDrop        Opcode = 0x1a
	OpSelect      Opcode = 0x1b
	OpSelectTyped Opcode = 0x1c
	OpTryTable    Opcode = 0x1f
	OpLocalGet    Opcode = 0x20
	OpLocalSet    Opcode = 0x21
	OpLocalTee    Opcode = 0x22
	OpGlobalGet   Opcode = 0x23
	OpGlobalSet   Opcode = 0x24
	OpTableGet    Opcode = 0x25
	OpTableSet    Opcode = 0x26

	OpI32Load    Opcode = 0x28
	OpI64Load    Opcode = 0x29
	OpF32Load    Opcode = 0x2a
	OpF64Load    Opcode = 0x2b
	OpI32Load8S  Opcode = 0x2c
	OpI32Load8U  Opcode = 0x2d
	OpI32Load16S Opcode = 0x2e
	OpI32Load16U Opcode = 0x2f
	OpI64Load8S  Opcode = 0x30
	OpI64Load8U  Opcode = 0x31
	OpI64Load16S Opcode = 0x32
	OpI64Load16U Opcode = 0x33
	OpI64Load32S Opcode = 0x34
	OpI64Load32U Opcode = 0x35
	OpI32Store   Opcode = 0x36
	OpI64Store   Opcode = 0x37
	OpF32Store   Opcode = 0x38
	OpF64Store   Opcode = 0x39
	OpMemorySize Opcode = 0x3f
	OpMemoryGrow Opcode = 0x40

	OpI32Const Opcode = 0x41
	OpI64Const Opcode = 0x42
	OpF32Const Opcode = 0x43
	OpF64Const Opcode = 0x44
	OpI32Eqz   Opcode = 0x45
	OpI32Eq    Opcode = 0x46
	OpI32Ne    Opcode = 0x47
	OpI32LtS   Opcode = 0x48
	OpI32LtU   Opcode = 0x49
	OpI32GtS   Opcode = 0x4a
	OpI32GtU   Opcode = 0x4b
	OpI32LeU   Opcode = 0x4d
	OpI32GeU   Opcode = 0x4f
	OpI64Eqz   Opcode = 0x50
	OpI64Eq    Opcode = 0x51
	OpI64GtU   Opcode = 0x56
	OpF64Ge    Opcode = 0x66
	OpI32Add   Opcode = 0x6a
	OpI32Sub   Opcode = 0x6b
	OpI32Mul   Opcode = 0x6c
	OpI32And   Opcode = 0x71
	OpI32Or    Opcode = 0x72
	OpI32Xor   Opcode = 0x73
	OpI32Shl   Opcode = 0x74
	OpI32ShrU  Opcode = 0x76
	OpI64Add   Opcode = 0x7c
	OpI64Sub   Opcode = 0x7d
	OpI64Mul   Opcode = 0x7e
	OpI64And   Opcode = 0x83
	OpI64Or    Opcode = 0x84
	OpI64Xor   Opcode = 0x85
	OpI64Shl   Opcode = 0x86
	OpI64ShrU  Opcode = 0x88

	OpI32WrapI64    Opcode = 0xa7
	OpI64ExtendI32S Opcode = 0xac
	OpI64ExtendI32U Opcode = 0xad
	OpF32DemoteF64  Opcode = 0xb6
	OpF64PromoteF32 Opcode = 0xbb

	OpI32Extend8S  Opcode = 0xc0
	OpI64Extend32S Opcode = 0xc4
	OpRefNull      Opcode = 0xd0
	OpRefIsNull    Opcode = 0xd1
	OpRefFunc      Opcode = 0xd2

	OpI64TruncSatF64U Opcode = firstNumeric + 7
	OpMemoryInit      Opcode = firstNumeric + 8
	OpDataDrop        Opcode = firstNumeric + 9
	OpMemoryCopy      Opcode = firstNumeric + 10
	OpMemoryFill      Opcode = firstNumeric + 11
	OpTableInit       Opcode = firstNumeric + 12
	OpElemDrop        Opcode = firstNumeric + 13
	OpTableCopy       Opcode = firstNumeric + 14
	OpTableGrow       Opcode = firstNumeric + 15
	OpTableSize       Opcode = firstNumeric + 16
	OpTableFill       Opcode = firstNumeric + 17

	OpV128Load  Opcode = firstVector
	OpV128Store Opcode = firstVector + 11
	OpV128Const Opcode = firstVector + 12

	OpI8x16Splat      Opcode = firstVector + 15
	OpV128Store8Lane  Opcode = firstVector + 88
	OpV128Store16Lane Opcode = firstVector + 89
	OpV128Store32Lane Opcode = firstVector + 90
	OpV128Store64Lane Opcode = firstVector + 91

	OpAtomicNotify Opcode = firstAtomic
	OpAtomicWait32 Opcode = firstAtomic + 1
	OpAtomicWait64 Opcode = firstAtomic + 2
	OpAtomicFence  Opcode = firstAtomic + 3
)

// operation is what the table knows of an instruction.
type operation struct {
	name string
	imm  immediates
	// typed says that pops and pushes (a letter a value: i l f d v) are all there is to its type. An a is an address of
	// the memory or table that it names, b one of the second that it names, c a length that both can have.
	typed        bool
	pops, pushes string
	// limit is the logarithm of the natural alignment of an access, or the number of lanes that a lane index selects from.
	limit uint8
}

// immediates is what follows an instruction's opcode.
type immediates uint8

const (
	immNone immediates = iota
	immBlock
	immLabel
	immLabels
	immFunc
	immCallIndirect
	immTypes
	immLocal
	immGlobal
	immTag
	immTable
	immMem
	immMemLane
	immMemory
	immI32
	immI64
	immF32
	immF64
	immV128
	immShuffle
	immLane
	immRefType
	immMemoryInit
	immData
	immMemoryCopy
	immTableInit
	immElem
	immTableCopy
	immFence
	immTryTable
)

// known reports whether the number is an instruction's.
func (op Opcode) known() bool { return op < opcodes && operations[op].name != "" }

func (op Opcode) String() string {
	if op.known() {
		return operations[op].name
	}
	return fmt.Sprintf("instruction %#x", uint16(op))
}

// opens reports whether the instruction begins a block, which an end or a delegate closes.
func (op Opcode) opens() bool {
	return op >= OpBlock && op <= OpIf || op == OpTry || op == OpTryTable
}

// isAtomic reports whether the instruction belongs to the threads proposal.
func (op Opcode) isAtomic() bool { return op >= firstAtomic }
