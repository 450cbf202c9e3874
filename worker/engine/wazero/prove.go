package wazero

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/machinecode"
	"github.com/faasmrun/faasmrun/worker/program"
)

// errProof is what the host function of the proof panics with.
var errProof = errors.New("proof")

const divide = wasm.Opcode(0x6d) // i32.div_s

// proofs are bodies of functions and what they end with.
var proofs = []struct {
	kind program.TrapKind
	body func(c *wasm.Code)
}{
	{program.Unreachable, func(c *wasm.Code) { c.Op(wasm.OpUnreachable) }},
	{program.OutOfBounds, func(c *wasm.Code) {
		c.I32(-1)
		c.Memory(wasm.OpI32Load, wasm.MemArg{})
		c.Op(wasm.OpDrop)
	}},
	{program.DivideByZero, func(c *wasm.Code) {
		c.I32(1)
		c.I32(0)
		c.Op(divide)
		c.Op(wasm.OpDrop)
	}},
	{program.IntegerOverflow, func(c *wasm.Code) {
		c.I32(-1 << 31)
		c.I32(-1)
		c.Op(divide)
		c.Op(wasm.OpDrop)
	}},
	{program.InvalidTableAccess, func(c *wasm.Code) {
		c.I32(1)
		c.CallIndirect(0, 0)
	}},
	{program.IndirectCallType, func(c *wasm.Code) {
		c.I32(0)
		c.I32(0)
		c.CallIndirect(1, 0)
	}},
}

// prove runs a module that fails in every way that can be told at little cost, and holds what was read from wazero's
// words against it: with a wazero that words its errors otherwise no program is compiled, where its end would be told
// wrong.
func prove() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	// Function 0 is the host's; 1 does nothing; from 2 on each proof is one function, and another that calls it.
	m := &wasm.Module{Types: []wasm.FuncType{{}, {Params: []wasm.ValueType{wasm.I32}}},
		Imports:  []wasm.Import{{Module: "host", Name: "end", Kind: wasm.KindFunction}},
		Tables:   []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 2}}},
		Memories: []wasm.Limits{{Min: 1}}, Exports: []wasm.Export{{Name: "memory", Kind: wasm.KindMemory}}}
	var zero wasm.Code
	zero.I32(0)
	zero.Op(wasm.OpEnd)
	m.Elements = []wasm.Element{{Offset: wasm.Expr(zero), Type: wasm.FuncRef, Functions: []uint32{1}}}
	define := func(body func(c *wasm.Code)) uint32 {
		var c wasm.Code
		body(&c)
		c.Op(wasm.OpEnd)
		m.Functions = append(m.Functions, wasm.Function{Body: wasm.Expr(c)})
		return uint32(len(m.Functions))
	}
	define(func(*wasm.Code) {})
	export := func(i int, body func(c *wasm.Code)) {
		inner := define(body)
		outer := define(func(c *wasm.Code) { c.Index(wasm.OpCall, inner) })
		m.Exports = append(m.Exports, wasm.Export{Name: fmt.Sprint(i), Kind: wasm.KindFunction, Index: outer})
	}
	for i, p := range proofs {
		export(i, p.body)
	}
	export(len(proofs), func(c *wasm.Code) { c.Index(wasm.OpCall, 0) })
	export(len(proofs)+1, func(c *wasm.Code) {
		c.I32(8)
		c.I32(1)
		c.Memory(wasm.OpI32Store, wasm.MemArg{})
	})
	m.Customs = lineStub()

	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(features).WithDebugInfoEnabled(true))
	defer r.Close(ctx)
	end := api.GoFunc(func(context.Context, []uint64) { panic(errProof) })
	host := r.NewHostModuleBuilder("host").NewFunctionBuilder().WithGoFunction(end, nil, nil).Export("end")
	_, err = host.Instantiate(ctx)
	if err != nil {
		return err
	}
	mem, err := newProofMemory()
	if err != nil {
		return err
	}
	defer mem.unmap()
	guest, err := r.Instantiate(experimental.WithMemoryAllocator(ctx, mem), m.Encode())
	if err != nil {
		return err
	}
	in := &Instance{module: &Module{program: program.Unnamed()}, guest: guest, mem: mem}
	ended := func(function int) (error, []program.Frame) {
		e := newEntry(guest.ExportedFunction(fmt.Sprint(function)), &callContext{Context: ctx})
		if e.err != nil {
			return e.err, nil
		}
		before := e.foreign.Enter()
		err := e.function.CallWithStack(ctx, nil)
		before.Leave()
		if err == nil {
			return nil, nil
		}
		_, frames, _ := dissect(err.Error())
		return in.failure(err, before.Fault()), frames
	}
	for i, want := range proofs {
		end, frames := ended(i)
		trap, ok := end.(*program.Trap)
		if !ok || trap.Kind != want.kind || !proven(frames, uint32(2+2*i)) {
			return fmt.Errorf("a trap (%v) reads as %v at %v", want.kind, end, frames)
		}
	}
	if machinecode.FaultsEnd {
		end, frames := ended(len(proofs) + 1)
		trap, ok := end.(*program.Trap)
		if !ok || trap.Kind != program.NullPointer || !proven(frames, uint32(4+2*len(proofs))) {
			return fmt.Errorf("a fault at a null pointer reads as %v at %v", end, frames)
		}
	}
	last, frames := ended(len(proofs))
	if host, ok := last.(*program.HostError); !ok || host.Err != errProof || len(frames) == 0 ||
		frames[0].Host != "host.end" || !proven(frames[1:], uint32(2+2*len(proofs))) {
		return fmt.Errorf("the panic of a host function reads as %v at %v", last, frames)
	}
	return nil
}

// proven reports whether frames are of a function and of the next one, which calls it, each with its offset.
func proven(frames []program.Frame, inner uint32) bool {
	return len(frames) == 2 && frames[0].Function == int(inner) && frames[1].Function == int(inner)+1 &&
		frames[0].Offset > 0 && frames[1].Offset > frames[0].Offset
}

// proofMemory is a memory of one page, whose first bytes are closed.
type proofMemory struct{ page []byte }

func newProofMemory() (*proofMemory, error) {
	page, err := unix.Mmap(-1, 0, 1<<16, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	m := &proofMemory{page}
	if err := unix.Mprotect(page[:m.Lowest()], unix.PROT_NONE); err != nil {
		m.unmap()
		return nil, err
	}
	return m, nil
}

func (m *proofMemory) unmap() { unix.Munmap(m.page) }

// Allocate implements experimental.MemoryAllocator.
func (m *proofMemory) Allocate(uint64, uint64) experimental.LinearMemory { return m }

func (m *proofMemory) Bytes() []byte { return m.page }

func (m *proofMemory) Addresses() (base uintptr, before, size uint64) {
	return uintptr(unsafe.Pointer(&m.page[0])), 0, uint64(len(m.page))
}

func (m *proofMemory) Lowest() uint64           { return wasm.NullPage }
func (m *proofMemory) Open(uint64) uint64       { return uint64(len(m.page)) }
func (m *proofMemory) Reallocate(uint64) []byte { return m.page }
func (m *proofMemory) Free()                    {}
