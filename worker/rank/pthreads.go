package rank

import (
	"encoding/binary"
	"errors"
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/faasmrun/faasmrun/omp"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/program"
	"github.com/faasmrun/faasmrun/worker/wasi"
)

// What pthread.h needs of its host besides waiting: libc (faasmrun/toolchain/overlay/compat/threads.c) keeps a record
// of each thread, of which the host sees the beginning:
//
//	 0  stack u64   its lowest address; 0: the host chooses one, and writes where it is
//	 8  size u64    of it
//	16  guard u64   the bytes below it in which an overflow traps
//	24  alive u32   not 0; the host writes 0 when nothing of the thread runs any more, and notifies there
const (
	recordStack = 0
	recordSize  = 8
	recordGuard = 16
	recordAlive = 24
	recordBytes = 28
)

// threadCalls are those functions.
func threadCalls() []engine.Import {
	calls := []struct {
		name, params, results string
		fn                    func(*Thread, []uint64)
	}{
		{"thread_end", "l", "", threadEnd},
		{"thread_self", "", "i", threadSelf},
		{"thread_start", "ll", "i", threadStart},
	}
	var imports []engine.Import
	for _, c := range calls {
		imports = append(imports, engine.Import{Module: wasi.System, Name: c.name, Params: c.params, Results: c.results,
			Wide: true, Call: func(host any, stack []uint64) {
				t := host.(*Thread)
				t.mpi.CheckEnded()
				c.fn(t, stack)
				if t.rank.wasi.SignalDue() {
					t.runHandlers()
				}
			}})
	}
	return imports
}

// UsesThreads reports whether a program can make threads by itself.
func UsesThreads(p *program.Program) bool { return p.HasImport(wasi.System, "thread_start") }

// thread_self() -> i32: the number of the thread that calls; main's is 0.
func threadSelf(t *Thread, s []uint64) { s[0] = uint64(t.number) }

// thread_start(function i64, record i64) -> i32, an errno: starts a thread that calls the function, which takes the
// record. EAGAIN: there are too many, or the memory has no room; EINVAL: of a stack that is none.
func threadStart(t *Thread, s []uint64) { s[0] = uint64(t.startThread(uint32(s[0]), s[1])) }

// errno is a number of WASI's, as the program has them.
type errno uint32

const (
	errnoAgain   errno = 6
	errnoInvalid errno = 28
)

func (t *Thread) startThread(function uint32, at uint64) errno {
	record := t.bytes(at, recordBytes)
	stack := binary.LittleEndian.Uint64(record[recordStack:])
	size := binary.LittleEndian.Uint64(record[recordSize:])
	guard := binary.LittleEndian.Uint64(record[recordGuard:])
	if at%8 != 0 {
		return errnoInvalid
	}
	if stack != 0 { // the program's own
		if end := stack + size; end < stack || end > uint64(len(t.rank.memory.Bytes())) || stack < t.rank.memory.Lowest() ||
			size < 16 {
			return errnoInvalid
		}
		size, guard = 0, 0
	}
	other, err := t.newThread(size, guard)
	if err != nil {
		return errnoAgain
	}
	where := other.space.stack
	if stack != 0 {
		where = program.Stack{Low: stack, Top: (stack + binary.LittleEndian.Uint64(record[recordSize:])) &^ 15}
	}
	if err := t.makeInstance(other, where); err != nil {
		other.leave()
		return errnoAgain
	}
	binary.LittleEndian.PutUint64(record[recordStack:], where.Low)
	binary.LittleEndian.PutUint64(record[recordSize:], where.Top-where.Low)
	other.record = at
	t.rank.goThread(other, func() error { return other.Run(function, "l", at) })
	return 0
}

// errThreadEnds is the panic by which a thread of pthread_create's, or main, ends before its function returns.
var errThreadEnds = errors.New("pthread_exit")

// thread_end(record i64) ends the thread that calls. It does not return.
func threadEnd(t *Thread, s []uint64) {
	if t != t.rank.main && t.record == 0 {
		panic(&omp.Error{Text: "pthread_exit was called by a thread of a team"})
	}
	t.bytes(s[0], recordBytes)
	t.record = s[0]
	panic(errThreadEnds)
}

// tellEnd says that nothing of a thread of pthread_create's runs any more. Of a rank that has ended the memory may be
// gone.
func (t *Thread) tellEnd() {
	if t.record == 0 || t.rank.Ended() {
		return
	}
	alive := t.record + recordAlive
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&t.rank.memory.Bytes()[alive])), 0)
	t.waiter.Notify(alive, math.MaxUint32)
}

// readable is what of the linear memory may be touched from an address on.
func (r *Rank) readable(address uint64) []byte {
	n := r.memory.Open(address)
	if n == 0 {
		return nil
	}
	return r.memory.Bytes()[address:][:n]
}

// bytes is a part of the linear memory. One that is not there traps where the program has called.
func (t *Thread) bytes(address, size uint64) []byte {
	memory := t.rank.memory.Bytes()
	switch {
	case uint64(len(memory)) < size || address > uint64(len(memory))-size:
		panic(program.OutOfBounds)
	case address < t.rank.memory.Lowest():
		panic(program.NullPointer)
	case size > 0 && t.rank.memory.Open(address) < size:
		panic(program.OutOfBounds)
	}
	return memory[address:][:size]
}
