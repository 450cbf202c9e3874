package fill

import "github.com/faasmrun/faasmrun/internal/wasm"

// The function's locals: its parameters, which are memory.fill's operands, then the address of the last store and what
// is stored.
const (
	start = iota
	value
	length
	last
	vector
)

// store is a store of 1<<log bytes of the vector.
type store struct {
	op   wasm.Opcode
	log  uint32
	lane []byte // its immediate, but for the whole vector
}

var (
	whole = store{wasm.OpV128Store, 4, nil}
	parts = []store{{wasm.OpV128Store64Lane, 3, []byte{0}}, {wasm.OpV128Store32Lane, 2, []byte{0}},
		{wasm.OpV128Store16Lane, 1, []byte{0}}}
	one = store{wasm.OpV128Store8Lane, 0, []byte{0}}
)

// writer writes the function.
type writer struct {
	wasm.Code
	address wasm.ValueType // the type of the memory's addresses, and of lengths
}

// instruction is one of 32 bits and its fellow of 64.
type instruction struct{ narrow, wide wasm.Opcode }

var (
	add         = instruction{wasm.OpI32Add, wasm.OpI64Add}
	subtract    = instruction{wasm.OpI32Sub, wasm.OpI64Sub}
	greaterThan = instruction{wasm.OpI32GtU, wasm.OpI64GtU}
)

// on appends the instruction for addresses.
func (w *writer) on(i instruction) {
	if w.address == wasm.I64 {
		w.Op(i.wide)
	} else {
		w.Op(i.narrow)
	}
}

// number appends a constant of the type of addresses.
func (w *writer) number(n uint32) {
	if w.address == wasm.I64 {
		w.I64(int64(n))
	} else {
		w.I32(int32(n))
	}
}

// body is the function: stores from both ends of the block that meet or overlap, as wide as its length allows.
func body(address wasm.ValueType) wasm.Expr {
	w := &writer{address: address}
	// One less, as an unsigned number, is far above the bound where there is nothing to store: that may have to trap too.
	w.get(length)
	w.number(1)
	w.on(subtract)
	w.above(short - 1)
	w.get(start)
	w.get(value)
	w.get(length)
	w.Op(wasm.OpMemoryFill)
	w.Raw([]byte{0}) // the memory
	w.leave()
	w.get(value)
	w.Op(wasm.OpI8x16Splat)
	w.Index(wasm.OpLocalSet, vector)
	w.longer(15)
	w.ends(whole)
	for _, done := range []uint32{32, 64} { // bytes that are stored where the block is no longer
		w.longer(done)
		for at := done / 2; at < done; at += 16 {
			w.store(whole, start, at)
			w.get(last)
			w.number(at)
			w.on(subtract)
			w.put(whole, 0)
		}
		w.Op(wasm.OpEnd)
	}
	w.leave()
	for _, part := range parts {
		w.longer(1<<part.log - 1)
		w.ends(part)
		w.leave()
	}
	w.store(one, start, 0)
	w.Op(wasm.OpEnd)
	return wasm.Expr(w.Code)
}

func (w *writer) get(local uint32) { w.Index(wasm.OpLocalGet, local) }

// longer begins what is done for longer blocks.
func (w *writer) longer(than uint32) {
	w.get(length)
	w.above(than)
}

// above begins what is done if the number on the stack is greater.
func (w *writer) above(bound uint32) {
	w.number(bound)
	w.on(greaterThan)
	w.Block(wasm.OpIf, wasm.BlockVoid)
}

// leave ends that, and the function.
func (w *writer) leave() {
	w.Op(wasm.OpReturn)
	w.Op(wasm.OpEnd)
}

// ends stores at both ends of the block.
func (w *writer) ends(s store) {
	w.get(start)
	w.get(length)
	w.on(add)
	w.number(1 << s.log)
	w.on(subtract)
	w.Index(wasm.OpLocalSet, last)
	w.store(s, last, 0)
	w.store(s, start, 0)
}

// store stores at an offset from an address.
func (w *writer) store(s store, address, offset uint32) {
	w.get(address)
	w.put(s, offset)
}

// put stores at an offset from the address on the stack.
func (w *writer) put(s store, offset uint32) {
	w.get(vector)
	w.Memory(s.op, wasm.MemArg{Offset: uint64(offset)})
	w.Raw(s.lane)
}
