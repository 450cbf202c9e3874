package translate

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// access is a load or a store: the type in memory, and how what is loaded becomes a value.
type access struct {
	t      wasm.ValueType
	memory string
	widen  string
}

var loads = map[wasm.Opcode]access{
	wasm.OpI32Load: {wasm.I32, "u32", ""}, wasm.OpI64Load: {wasm.I64, "u64", ""},
	wasm.OpF32Load: {wasm.F32, "f32", ""}, wasm.OpF64Load: {wasm.F64, "f64", ""},
	wasm.OpI32Load8S: {wasm.I32, "i8", "(u32)"}, wasm.OpI32Load8U: {wasm.I32, "u8", ""},
	wasm.OpI32Load16S: {wasm.I32, "i16", "(u32)"}, wasm.OpI32Load16U: {wasm.I32, "u16", ""},
	wasm.OpI64Load8S: {wasm.I64, "i8", "(u64)"}, wasm.OpI64Load8U: {wasm.I64, "u8", ""},
	wasm.OpI64Load16S: {wasm.I64, "i16", "(u64)"}, wasm.OpI64Load16U: {wasm.I64, "u16", ""},
	wasm.OpI64Load32S: {wasm.I64, "i32", "(u64)"}, wasm.OpI64Load32U: {wasm.I64, "u32", ""},
}

var stores = map[wasm.Opcode]string{
	wasm.OpI32Store: "u32", wasm.OpI64Store: "u64", wasm.OpF32Store: "f32", wasm.OpF64Store: "f64",
	wasm.OpF64Store + 1: "u8", wasm.OpF64Store + 2: "u16", // i32.store8, i32.store16
	wasm.OpF64Store + 3: "u8", wasm.OpF64Store + 4: "u16", wasm.OpF64Store + 5: "u32", // of an i64
}

// access translates loads, stores, and what else is of the memory alone, and reports whether the instruction was one.
func (f *function) access(in *wasm.Instr) bool {
	if a, ok := loads[in.Op]; ok {
		index := f.stack.pop()
		f.load(a, f.address(in, index), f.readsAnew(&index))
		return true
	}
	if memory, ok := stores[in.Op]; ok {
		v := f.stack.pop()
		address := f.address(in, f.stack.pop())
		f.locate()
		f.put("STORE(", memory, ",", address, ",", v.text, ");\n")
		return true
	}
	switch in.Op {
	case wasm.OpMemorySize:
		t := f.t.Memories[in.Index].Address()
		f.result(t, "(BYTES>>16)")
	case wasm.OpMemoryGrow:
		f.serve(serviceMemoryGrow, 1, nil, f.t.Memories[in.Index].Address())
	default:
		return f.atomic(in) || f.vector(in)
	}
	return true
}

// load reads memory. Where the next instruction drops what was read, reading is all there is to do.
func (f *function) load(a access, address string, anew bool) {
	f.locate()
	load := "LOAD("
	switch {
	case f.dropped:
		f.touch(a.memory, address, a.t)
		return
	case anew:
		load = "LOAD_ANEW("
	}
	f.result(a.t, a.widen+load+a.memory+","+address+")")
}

// touch reads memory for nothing. It gives what the next instruction drops.
func (f *function) touch(memory, address string, t wasm.ValueType) {
	f.put("TOUCH(", memory, ",", address, ");\n")
	f.stack.push(value{t: t, constant: true})
}

// Services of the engine: see the instance in prelude.h.
const (
	serviceMemoryGrow = iota
	serviceMemoryInit
	serviceDataDrop
	serviceTableGrow
	serviceTableFill
	serviceTableCopy
	serviceTableInit
	serviceElemDrop
)

// serve has the engine do what an instruction says, with its operands and immediates. What it gives is of type t;
// Unknown: nothing.
func (f *function) serve(service, operands int, immediates []uint32, t wasm.ValueType) {
	f.locate()
	f.names++
	args := "a" + strconv.Itoa(f.names)
	f.code = fmt.Appendf(f.code, "u64 %s[]={", args)
	for _, v := range f.stack.take(operands) {
		f.put(v.text, ",")
	}
	for _, i := range immediates {
		f.code = fmt.Appendf(f.code, "%d,", i)
	}
	f.code = fmt.Appendf(f.code, "};serve(I,M,%d,%s);\n", service, args)
	if t != wasm.Unknown {
		f.result(t, "("+ctype(t)+")"+args+"[0]")
	}
}

// wait translates waits and wakes of memory that is not shared, and reports whether it did: a wait traps there, and
// nobody is woken. A pass makes host calls of those of shared memory.
func (f *function) wait(in *wasm.Instr) bool {
	if f.t.Memories[in.Memory.Memory].Shared {
		return false
	}
	memory, operands := "u32", 3
	switch in.Op {
	case wasm.OpAtomicNotify:
		operands = 2
	case wasm.OpAtomicWait64:
		memory = "u64"
	}
	address := f.address(in, f.stack.take(operands)[0])
	f.locate()
	f.put("TOUCH(", memory, ",ALIGNED(", memory, ",", address, "));\n")
	if in.Op == wasm.OpAtomicNotify {
		f.stack.push(value{text: "0u", t: wasm.I32, constant: true})
		f.bound()
		return true
	}
	f.locate()
	f.put("TRAP(SharedMemoryExpected);\n")
	f.stack.push(value{text: "0u", t: wasm.I32, constant: true})
	f.bound()
	return true
}

// bulk translates instructions about ranges of memory, and reports whether the instruction was one.
func (f *function) bulk(in *wasm.Instr) bool {
	switch in.Op {
	case wasm.OpMemoryCopy, wasm.OpMemoryFill:
		v := f.stack.take(3)
		f.locate()
		name := map[wasm.Opcode]string{wasm.OpMemoryCopy: "MEMORY_COPY(", wasm.OpMemoryFill: "MEMORY_FILL("}[in.Op]
		f.put(name, v[0].text, ",", v[1].text, ",", v[2].text, ");\n")
	case wasm.OpMemoryInit:
		f.serve(serviceMemoryInit, 3, []uint32{in.Index}, wasm.Unknown)
	case wasm.OpDataDrop:
		f.serve(serviceDataDrop, 0, []uint32{in.Index}, wasm.Unknown)
	default:
		return false
	}
	return true
}

// atomicTypes are those of memory, in the order of the instructions of one operation, which the value's type precedes.
var atomicTypes = [...]string{"u32", "u64", "u8", "u16", "u8", "u16", "u32"}

// atomicOperations are in the order of the instructions, seven each.
var atomicOperations = [...]string{"fetch_add", "fetch_sub", "fetch_and", "fetch_or", "fetch_xor", "exchange_n"}

// The first instructions of the groups of seven.
const (
	firstAtomicLoad     = wasm.OpAtomicNotify + 0x10
	firstAtomicStore    = wasm.OpAtomicNotify + 0x17
	firstAtomicRMW      = wasm.OpAtomicNotify + 0x1e
	firstAtomicExchange = wasm.OpAtomicNotify + 0x48
)

// atomic translates atomic accesses, and reports whether the instruction was one.
func (f *function) atomic(in *wasm.Instr) bool {
	op := in.Op
	if op == wasm.OpAtomicFence {
		f.put("BARRIER;__atomic_thread_fence(__ATOMIC_SEQ_CST);BARRIER;\n")
		return true
	}
	if op < firstAtomicLoad {
		return op >= wasm.OpAtomicNotify && f.wait(in)
	}
	t := wasm.I32
	if strings.HasPrefix(op.String(), "i64") {
		t = wasm.I64
	}
	memory := func(first wasm.Opcode) string { return atomicTypes[(op-first)%7] }
	switch {
	case op < firstAtomicStore:
		address := f.address(in, f.stack.pop())
		f.locate()
		f.result(t, "ATOMIC_LOAD("+memory(firstAtomicLoad)+","+address+")")
	case op < firstAtomicRMW:
		v := f.stack.pop()
		address := f.address(in, f.stack.pop())
		f.locate()
		f.put("ATOMIC_STORE(", memory(firstAtomicStore), ",", address, ",", v.text, ");\n")
	case op < firstAtomicExchange:
		v := f.stack.pop()
		address := f.address(in, f.stack.pop())
		f.locate()
		f.result(t, "ATOMIC_RMW("+memory(firstAtomicRMW)+","+atomicOperations[(op-firstAtomicRMW)/7]+","+address+","+
			v.text+")")
	default:
		v, expected := f.stack.pop(), f.stack.pop()
		address := f.address(in, f.stack.pop())
		f.locate()
		f.result(t, "ATOMIC_CMPXCHG("+memory(firstAtomicExchange)+","+address+","+expected.text+","+v.text+")")
	}
	return true
}
