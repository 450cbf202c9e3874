package native

import (
	"unsafe"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/program"
)

// What the code asks the engine for, by number. Arguments are the instruction's operands, and then its immediates; a
// result takes the first one's place.
const (
	memoryGrow = iota
	memoryInit
	dataDrop
	tableGrow
	tableFill
	tableCopy
	tableInit
	elementsDrop
)

// arguments are how many words each has.
var arguments = [...]int{memoryGrow: 1, memoryInit: 4, dataDrop: 1, tableGrow: 3, tableFill: 4, tableCopy: 5,
	tableInit: 5, elementsDrop: 1}

// failed is what memory.grow and table.grow give where there is no room.
const failed = ^uint64(0)

// serve does what the code asks for, or says how the program traps.
func (in *Instance) serve(number uint64) (kind program.TrapKind, trapped bool) {
	a := in.machine.Words(arguments[number])
	switch number {
	case memoryGrow:
		before, ok := in.memory.grow(a[0])
		if a[0] = before; !ok {
			a[0] = failed
		}
	case memoryInit:
		var from []byte
		if !in.dropped[a[3]] {
			from = in.module.data[a[3]]
		}
		return in.initMemory(a[0], from, a[1], a[2])
	case dataDrop:
		in.dropped[a[0]] = true
	case tableGrow:
		a[0] = in.growTable(uint32(a[2]), in.reference(uint32(a[2]), a[0]), a[1])
	case tableFill:
		elements := in.elements(uint32(a[3]))
		if a[2] > uint64(len(elements)) || a[0] > uint64(len(elements))-a[2] {
			return program.InvalidTableAccess, true
		}
		filled, with := elements[a[0]:a[0]+a[2]], in.reference(uint32(a[3]), a[1])
		for i := range filled {
			filled[i] = with
		}
	case tableCopy:
		return program.InvalidTableAccess, !copyInto(in.elements(uint32(a[3])), a[0], in.elements(uint32(a[4])), a[1], a[2])
	case tableInit:
		var from []entry
		if !in.droppedE[a[3]] {
			from = in.segment(int(a[3]))
		}
		return program.InvalidTableAccess, !copyInto(in.elements(uint32(a[4])), a[0], from, a[1], a[2])
	case elementsDrop:
		in.droppedE[a[0]] = true
	}
	return 0, false
}

// initMemory copies n bytes of a segment into the memory.
func (in *Instance) initMemory(at uint64, from []byte, begin, n uint64) (kind program.TrapKind, trapped bool) {
	memory := in.memory.Bytes()
	switch {
	case !holds(memory, at, n) || !holds(from, begin, n):
		return program.OutOfBounds, true
	case n > 0 && at < in.memory.Lowest():
		return program.NullPointer, true
	case n > 0 && in.memory.Open(at) < n:
		return program.OutOfBounds, true
	}
	copy(memory[at:at+n], from[begin:begin+n])
	return 0, false
}

// holds reports whether n elements are there.
func holds[T any](of []T, at, n uint64) bool {
	return n <= uint64(len(of)) && at <= uint64(len(of))-n
}

// copyInto copies n from one place to another. It reports whether both are there.
func copyInto[T any](to []T, at uint64, from []T, begin, n uint64) bool {
	if !holds(to, at, n) || !holds(from, begin, n) {
		return false
	}
	copy(to[at:at+n], from[begin:begin+n])
	return true
}

// reference is a value as an element of a table.
func (in *Instance) reference(table uint32, v uint64) entry {
	switch {
	case v == 0:
		return entry{}
	case in.module.spaces.Tables[table].Type == wasm.FuncRef:
		return in.module.code.entries[v-1]
	}
	return entry{code: uintptr(v)}
}

// maxElements bounds a table that grows, as program.Read does one that begins so.
const maxElements = 10_000_000

// growTable adds elements to a table, and gives how many there were.
func (in *Instance) growTable(index uint32, with entry, n uint64) uint64 {
	old, limits := in.elements(index), in.module.spaces.Tables[index].Limits
	size, most := uint64(len(old)), uint64(maxElements)
	if limits.HasMax {
		most = min(most, limits.Max)
	}
	if n > most-min(size, most) {
		return failed
	}
	if n == 0 {
		return size
	}
	// Room for twice as many, so that growing one by one costs no more than all at once. What was before stays until the
	// end: it may be in the instance's own block.
	room := min(max(size+n, 2*size), most)
	grown, err := newMapping(uintptr(room) * unsafe.Sizeof(entry{}))
	if err != nil {
		return failed
	}
	in.grown = append(in.grown, grown)
	elements := unsafe.Slice((*entry)(grown.start), size+n)
	copy(elements, old)
	for i := size; i < size+n; i++ {
		elements[i] = with
	}
	in.tables[index] = table{uintptr(grown.start), size + n}
	return size
}
