package wasm

// Section ids.
const (
	sectionCustom    = 0
	sectionType      = 1
	sectionImport    = 2
	sectionFunction  = 3
	sectionTable     = 4
	sectionMemory    = 5
	sectionGlobal    = 6
	sectionExport    = 7
	sectionStart     = 8
	sectionElement   = 9
	sectionCode      = 10
	sectionData      = 11
	sectionDataCount = 12
	sectionTag       = 13
)

// sectionOrder is the order in which sections stand in a module.
var sectionOrder = [...]byte{sectionType, sectionImport, sectionFunction, sectionTable, sectionMemory, sectionTag,
	sectionGlobal, sectionExport, sectionStart, sectionElement, sectionDataCount, sectionCode, sectionData}

// sectionRank is a section's position in sectionOrder, from 1; 0 for an id that is not known.
func sectionRank(id byte) int {
	for i, s := range sectionOrder {
		if s == id {
			return i + 1
		}
	}
	return 0
}

// The first eight bytes of every module: magic and version.
const header = "\x00asm\x01\x00\x00\x00"

// Forms of an element segment, as bits of its flags.
const (
	elementNotActive     = 1 << iota // passive, or declarative with elementExplicit
	elementExplicit                  // active: the table is spelled out
	elementExprs                     // given by expressions
	elementFormsEnd                  // the first number that is no form
	elementKindFunctions = 0         // the only kind of a segment given by indices
)

// Forms of a data segment.
const (
	dataActive = iota
	dataPassive
	dataExplicit
)

// Bits of a table's or memory's limits. limit64 says that addresses have 64 bits.
const (
	limitHasMax = 1 << iota
	limitShared
	limit64
)

const formFunction = 0x60 // of a type

// Bounds that the format does not have and engines do. They keep what a Cursor holds in proportion to its input, as
// locals are counted, not listed, and a call of a few bytes may give many values.
const (
	MaxLocals = 50_000  // of a function, with its parameters
	MaxValues = 1_000   // that a type takes, and that it gives
	maxStack  = 1 << 20 // operands at an instruction
)

// Bounds of the standard: pages of a memory and elements of a table, by the bits of their addresses.
const (
	maxPages32 = 1 << 16
	maxPages64 = 1 << 48
	maxTable32 = 1<<32 - 1
	maxTable64 = 1<<64 - 1
)
