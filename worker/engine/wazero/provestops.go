package wazero

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/tetratelabs/wazero"
	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// How long a program computes that is to be stopped a few times, in rounds: one that was not computes longer.
const (
	firstRounds = 8_000 // a fraction of a millisecond
	lastRounds  = firstRounds << 8
	leastStops  = 3
)

// ProveStops makes sure that Go can stop programs wherever they are, by what this package knows of this version of
// wazero. Nobody runs programs where it fails: the first one in a long loop would stop everything else of its process.
// It takes a millisecond or two.
func ProveStops() error {
	if err := proveStops(); err != nil {
		return unstoppable(err)
	}
	return nil
}

func unstoppable(why error) error { return fmt.Errorf("Go can't stop programs on wazero: %w", why) }

// proveStops has a program compute by all sorts of registers, twice: alone, and stopped again and again, with Go's
// stack moved each time. The results are to be the same. A program that can't be stopped ends by itself.
func proveStops() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(features))
	defer r.Close(ctx)
	guest, err := r.Instantiate(ctx, computing())
	if err != nil {
		return err
	}
	e := newEntry(guest.ExportedFunction("compute"), &callContext{Context: ctx})
	if e.err != nil {
		return e.err
	}
	for rounds := uint64(firstRounds); rounds <= lastRounds; rounds *= 4 {
		alone, stopped := []uint64{rounds}, []uint64{rounds}
		if err := e.function.CallWithStack(ctx, alone); err != nil {
			return err
		}
		stops, err := stormed(e, stopped)
		switch {
		case err != nil:
			return err
		case alone[0] != stopped[0]:
			return fmt.Errorf("a program that was stopped %d times has computed %#x, not %#x", stops, stopped[0], alone[0])
		case stops >= leastStops:
			return nil
		}
	}
	return errors.New("a program was not stopped")
}

// stormed calls a function while its thread gets one signal after another, and says how often it was stopped.
func stormed(e *entry, stack []uint64) (stops int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	e.foreign.Interrupted = func() {
		stops++
		deep(stops % 64)
	}
	defer storm(50 * time.Microsecond)()
	defer e.foreign.Enter().Leave()
	err = e.function.CallWithStack(context.Background(), stack)
	return stops, err
}

// storm has this thread get a signal every so often.
func storm(every time.Duration) (end func()) {
	process, thread := unix.Getpid(), unix.Gettid()
	// A timer of the kernel's rings for the thread while it runs, however busy the machine is.
	if end, err := timer(thread, every); err == nil {
		return end
	}
	// The user has no timers left, or may have none. Of another thread's signals fewer arrive.
	var over atomic.Bool
	var sender sync.WaitGroup
	sender.Go(func() {
		for !over.Load() {
			unix.Tgkill(process, thread, unix.SIGURG)
			time.Sleep(every)
		}
	})
	return func() {
		over.Store(true)
		sender.Wait()
	}
}

// timer has the kernel send a thread a signal every so often.
func timer(thread int, every time.Duration) (end func(), err error) {
	event := struct {
		value          uint64
		signal, notify int32
		thread         int32
		_              [44]byte
	}{signal: int32(unix.SIGURG), notify: sigevThreadID, thread: int32(thread)}
	var id int32
	if _, _, errno := unix.RawSyscall(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&event)),
		uintptr(unsafe.Pointer(&id))); errno != 0 {
		return nil, errno
	}
	end = func() { unix.RawSyscall(unix.SYS_TIMER_DELETE, uintptr(id), 0, 0) }
	times := [2]unix.Timespec{unix.NsecToTimespec(int64(every)), unix.NsecToTimespec(int64(every))}
	if _, _, errno := unix.RawSyscall6(unix.SYS_TIMER_SETTIME, uintptr(id), 0, uintptr(unsafe.Pointer(&times)), 0, 0,
		0); errno != 0 {
		end()
		return nil, errno
	}
	return end, nil
}

const sigevThreadID = 4 // SIGEV_THREAD_ID

// deep has the goroutine's stack grow and move.
func deep(n int) int {
	var b [512]byte
	if n == 0 {
		return int(b[0])
	}
	return deep(n-1) + int(b[n])
}

// computing is a module that computes so many rounds, which nothing leaves, and gives a sum of everything.
func computing() []byte {
	i64, f64 := wasm.I64, wasm.F64
	const ints, floats = 10, 10 // locals, beside the rounds left: no more than there are registers
	var c wasm.Code
	get := func(i int) { c.Index(wasm.OpLocalGet, uint32(i)) }
	set := func(i int) { c.Index(wasm.OpLocalSet, uint32(i)) }
	for i := range ints {
		c.I64(int64(i)*0x9e3779b97f4a7c + 1)
		set(1 + i)
	}
	for i := range floats {
		c.I64(int64(i) + 2)
		c.Op(opF64ConvertI64)
		set(1 + ints + i)
	}
	c.Block(wasm.OpLoop, wasm.BlockVoid)
	for i := range ints {
		get(1 + i)
		get(1 + (i+1)%ints)
		c.Op(wasm.OpI64Add)
		c.I64(int64(i) + 7)
		c.Op(opI64Rotl)
		set(1 + i)
	}
	for i := range floats {
		get(1 + ints + i)
		get(1 + ints + (i+3)%floats)
		c.Op(opF64Add)
		c.Op(opF64Sqrt)
		set(1 + ints + i)
	}
	get(0)
	c.I64(-1)
	c.Op(wasm.OpI64Add)
	c.Index(wasm.OpLocalTee, 0)
	c.I64(0)
	c.Op(opI64Ne)
	c.Index(wasm.OpBrIf, 0)
	c.Op(wasm.OpEnd)
	c.I64(0)
	for i := range ints + floats {
		get(1 + i)
		if i >= ints {
			c.Op(opI64ReinterpretF64)
		}
		c.Op(wasm.OpI64Add)
		c.I64(5)
		c.Op(opI64Rotl)
	}
	c.Op(wasm.OpEnd)
	m := &wasm.Module{Types: []wasm.FuncType{{Params: []wasm.ValueType{i64}, Results: []wasm.ValueType{i64}}},
		Functions: []wasm.Function{{Locals: []wasm.Locals{{Count: ints, Type: i64}, {Count: floats, Type: f64}},
			Body: wasm.Expr(c)}},
		Exports: []wasm.Export{{Name: "compute", Kind: wasm.KindFunction}}}
	return m.Encode()
}

// Instructions of computing.
const (
	opI64Ne             = wasm.Opcode(0x52)
	opI64Rotl           = wasm.Opcode(0x89)
	opF64Sqrt           = wasm.Opcode(0x9f)
	opF64Add            = wasm.Opcode(0xa0)
	opF64ConvertI64     = wasm.Opcode(0xb9)
	opI64ReinterpretF64 = wasm.Opcode(0xbd)
)
