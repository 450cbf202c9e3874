package wasm

import "encoding/binary"

// lowestSection is a custom section of the project's own: it says, as an unsigned LEB128, below which address the
// program has nothing in its memory, neither data nor a stack. Null pointers can trap there.
const lowestSection = "faasmrun.lowest"

// NullPage is how many bytes at the beginning of a memory are kept free for null pointers to trap in: a page of most
// machines'.
const NullPage = 4 << 10

// MarkLowest notes in a module that was linked what the section says. It stands behind all others, so that nothing that
// is there moves.
func MarkLowest(module []byte, address uint64) []byte {
	data := binary.AppendUvarint(nil, uint64(len(lowestSection)))
	data = append(data, lowestSection...)
	data = binary.AppendUvarint(data, address)
	module = append(module, sectionCustom)
	module = binary.AppendUvarint(module, uint64(len(data)))
	return append(module, data...)
}

// Lowest is the address below which the module has nothing in its memory, by its linker's word and by what stands in
// it: a segment that is copied elsewhere than to a constant address, or lower, takes the word away. 0: it is not known.
func (m *Module) Lowest() uint64 {
	section := m.Custom(lowestSection)
	if section == nil {
		return 0
	}
	lowest, n := binary.Uvarint(section.Data)
	if n <= 0 || n != len(section.Data) {
		return 0
	}
	for i := range m.Data {
		d := &m.Data[i]
		if d.Passive || len(d.Bytes) == 0 {
			continue
		}
		if at, ok := constant(d.Offset); !ok || at < lowest {
			return 0
		}
	}
	return lowest
}

// constant is the value of an expression that is one number.
func constant(e Expr) (uint64, bool) {
	r := NewReader(e)
	if !r.Next() {
		return 0, false
	}
	value := r.Instr.Bits
	switch r.Instr.Op {
	case OpI32Const:
		value = uint64(uint32(value))
	case OpI64Const:
	default:
		return 0, false
	}
	return value, r.Next() && r.Instr.Op == OpEnd
}
