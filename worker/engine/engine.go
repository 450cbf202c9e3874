// Package engine is the boundary between a rank and whatever runs its program: compiling a module and keeping its
// machine code on disk, binding host functions, instantiating, calling, and telling what ended a guest. Each engine is
// a package below this one. It leaves to others what is known of a program and how its end reads to a person
// (worker/program), what the host functions do (mpi, worker/wasi), where linear memory comes from (snapshot), and when
// to compile, run or collect garbage (worker/executor).
//
// An engine allocates nothing on the Go heap for a call from guest to host or back, once each function called back is
// known.
package engine

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"github.com/faasmrun/faasmrun/worker/program"
)

// Engine holds the modules and the host functions of a process.
type Engine interface {
	// Link says what modules may import. It is called once, before Instantiate.
	Link(imports []Import) error
	// Check says what is wrong with a module that no pass could turn into a program. Of a module that imports functions
	// which Link did not bind it lists these, as Unbound does.
	Check(*program.File) (unbound []string, err error)
	// Target says how programs are to be prepared for the engine.
	Target() program.Target
	// Compile compiles a program that was prepared for it, or loads its machine code from the cache. A module made for it
	// can take minutes, so that whoever compiles for outsiders does it in a process with a limit. If another process is
	// compiling the same module, it waits for it. Errors are for a person: what is wrong with the module, and what to do.
	// Trouble with the cache never fails it: then the module is compiled in memory.
	Compile(*program.Program) (Module, error)
	// Discard gives back the machine code of one module. No instance of it may be running or be used again.
	Discard(Module) error
	// Close gives back the machine code of every module. No instance may be running or be used again.
	Close() error
}

// Make prepares and compiles a module as it was linked: in memory, what is otherwise done at two times, by the one that
// puts programs into the cache and by those that run them.
func Make(e Engine, file []byte) (Module, error) {
	f, err := program.Read(file)
	if err != nil {
		return nil, err
	}
	origin, target := program.Origin{Hash: sha256.Sum256(file), File: bytes.NewReader(file)}, e.Target()
	prepared, err := f.Prepare(origin.Hash, target)
	if err != nil {
		return nil, err
	}
	p, err := program.Open(prepared, origin, target)
	if err != nil {
		return nil, err
	}
	return e.Compile(p)
}

// Module is a compiled program. Any number of instances share its machine code.
type Module interface {
	Program() *program.Program
	// Unbound lists the imports of the module that Link did not bind, in the module's order: "mpi.MPI_Win_create", and
	// with a remark in brackets those that it bound with another type or for the other data model and those that are no
	// functions.
	Unbound() []string
	// Absent lists the functions that the module imports and that only fail, without their modules' names.
	Absent() []string
	// Memory is the size that the exported memory begins with and the most it may grow to, in bytes: what the module
	// declares, or else as far as the engine's addresses reach.
	Memory() (least, most uint64)
	// Reserve is how many addresses the memory must have to itself, open or not: the module's code relies on it that the
	// others can't be touched. None: what may be opened is enough.
	Reserve() Reserve
	// Lowest is the first address of the memory that is to be open, where the program's null pointers can trap below it;
	// 0: it is to be open from its first byte on.
	Lowest() uint64
	// CacheError says why the module's machine code could not be kept in the cache, or nil. It runs all the same, but
	// every process has to compile it.
	CacheError() error
	// Instantiate makes an instance on mem and runs nothing but the module's start section, if it has one. The instance
	// owns mem: Close frees it, and so does a failure here. host is handed to each host function.
	Instantiate(host any, mem Memory) (Instance, error)
}

// Instance is one running copy of a module: a thread of a rank. It belongs to one goroutine at a time; only Memory,
// Thread, ThreadLocals and Stop may be called from others. Go stops that goroutine wherever it is, in the program's
// code as anywhere else: a program that computes delays no collection of garbage, and no other goroutine for long.
type Instance interface {
	// Start runs the program: it calls _start and returns nil when that returns. Else the error is a *program.Trap, a
	// *program.Uncaught, a *program.HostError wrapping what a host function panicked with, or a *program.InternalError, a
	// fault of ours. It may be called once.
	Start() error
	// Run runs a further thread: it calls a function as CallTable does, outside of a host call, and ends as Start does.
	// It may be repeated.
	Run(index uint32, params string, args ...uint64) error
	// RunResult runs as Run does a function that returns an i32.
	RunResult(index uint32, params string, args ...uint64) (int32, error)
	// CallTable calls the function that the guest's function pointer names (an index of table 0), which must take those
	// parameters and return nothing. It may be used inside a host call; what ends the guest there is returned, and
	// whoever gets it should panic with it to end the rank. If the function throws, that is an error too: panicking with
	// it lets the host call return to the program at once, where the exception goes on. A pointer to nothing or to a
	// function of another type is a *program.Trap. The first call with given parameters allocates, later ones do not,
	// unless they nest deeper.
	CallTable(index uint32, params string, args ...uint64) error
	// CallTableResult calls as CallTable does a function that returns an i32.
	CallTableResult(index uint32, params string, args ...uint64) (int32, error)
	// Thread makes an instance for a further thread, over the same memory: with the stack and the variables that s says,
	// and a copy of its own of every other global, as the module begins with it. It is for Run; Start is for the first.
	// host is as in Instantiate. The program must import its memory, and let a thread's stack and variables
	// be set: see ThreadLocals. The instance is closed before the one that it was made from.
	Thread(host any, s ThreadSpace) (Instance, error)
	// CallExport calls a function that the program exports, which takes and returns nothing; a program that has none of
	// that name needs none. It may be used as CallTable, and before Run.
	CallExport(name string) error
	// ThreadLocals is the size and the alignment of the variables that each thread has of its own, or why the program can
	// have no further threads.
	ThreadLocals() (size, align uint64, err error)
	// Memory is the linear memory as it is now. Its base never moves.
	Memory() []byte
	// Grow adds at least size bytes to the linear memory, as the program does by memory.grow, and gives where they begin.
	// It is for host calls on the rank's own goroutine; the program's allocator leaves alone what it did not ask for.
	Grow(size uint64) (address uint64, ok bool)
	// Caller gives where the host call comes from that is under way, where Options.Callers asked for it.
	Caller() Caller
	// Stop has the call that is under way end, and each that comes later, with cause as its error: at once where the
	// program computes, and when it comes back from a host call, of which Stop ends none. The first cause counts.
	Stop(cause error)
	// Close frees the instance and its memory. It must not be running. It may be repeated.
	Close() error
}

// ThreadSpace is the part of the linear memory that a thread has to itself. Whoever makes the thread has reserved it.
type ThreadSpace struct {
	Stack program.Stack
	// Locals is where its variables begin: as many bytes as ThreadLocals says, aligned. They are made as the program
	// begins with them.
	Locals uint64
}

// Names that wasm-ld gives what a new thread needs; a program that exports them can have threads.
const (
	StackPointer = "__stack_pointer"
	InitLocals   = "__wasm_init_tls"
	LocalsSize   = "__tls_size"
	LocalsAlign  = "__tls_align"
)

// What the programs of faasmrun cc export besides, for CallExport: StartThreads tells libc, before the first further
// thread, that there will be some, so that it takes locks; EnterThread is the first that each of these calls.
const (
	StartThreads = "__faasmrun_threads_start"
	EnterThread  = "__faasmrun_thread_enter"
)

// HostFunc serves an import. stack holds the arguments and takes the results, one uint64 a value; i32 arguments carry
// garbage in the upper half. It ends the rank by panicking with an error value, which Start returns wrapped (errors.As
// finds it); with a program.TrapKind, it traps where the program has called it. Packages that must not know the engine,
// such as mpi and worker/wasi, give functions of the same form for their own type of host.
type HostFunc[H any] = func(host H, stack []uint64)

// Import is a host function that modules may import.
type Import struct {
	Module, Name string
	// Params and Results hold a letter a value: i = i32, l = i64, f = f32, d = f64.
	Params, Results string
	// Wide is of a function for programs with pointers of 64 bits, which faasmrun cc makes. It may be there beside one
	// for those of 32, which other compilers make.
	Wide bool
	// Absent is of a function that does nothing but fail.
	Absent bool
	// Call serves the import. host is what Instantiate was given.
	Call HostFunc[any]
}

// Options are what engines are made with.
type Options struct {
	// CacheDir keeps machine code between processes; "" keeps none. Whoever can write to it can run code here.
	CacheDir string
	// Workers is how many goroutines compile; 0 means 1. With more, a fault of the compiler ends the process instead of
	// becoming an error: only for a process that does nothing else.
	Workers int
	// Callers makes each host call know where in the program it comes from, for Instance.Caller. It costs the call a
	// microsecond.
	Callers bool
	// Prove has the engine make sure that it knows what ended a program. It takes a millisecond, and is true of a build:
	// who compiles programs asks for it, who runs what was compiled need not.
	Prove bool
}

// Description is what a worker announces of an engine.
type Description struct {
	Name       string
	DataModels []string // of the programs that run: ILP32, LP64
	MaxRankMem uint64   // bytes of a linear memory
}

// Reserve is a number of addresses: before a memory's first byte, and from there on.
type Reserve struct{ Before, Size uint64 }

// Memory holds a linear memory; linear.Memory is one. Bytes, and Addresses, which are all that it has to itself, open
// or not, before base and from there on, may be called from any goroutine, and so may Lowest: what is below is never
// open, though Bytes has it. Open is how many bytes may be touched from an address on: behind these the memory ends, or
// has a guard below a thread's stack. Reallocate extends the memory up to size bytes, at the address where it was, or
// returns nil. Free may be repeated.
type Memory interface {
	Bytes() []byte
	Addresses() (base uintptr, before, size uint64)
	Lowest() uint64
	Open(address uint64) (bytes uint64)
	Reallocate(size uint64) []byte
	Free()
}

// ErrThrown is what CallTable returns when the function that it called threw an exception. A host function panics with
// it, as with other errors of CallTable, and by that returns to the program, which unwinds on from where it called the
// host.
var ErrThrown = errors.New("the function that was called back threw an exception")

// CallerFrames is how much of its stack a Caller keeps: enough to see past a program's own wrappers.
const CallerFrames = 3

// Caller is where in the program a host call comes from: its innermost frames. Those of one call are equal.
type Caller [CallerFrames]struct {
	Function uint32 // its index, plus one
	Offset   uint32 // of the call in the code section; 0 where the module has no lines
}

// Frames says a caller in words, innermost first, as those of a trap.
func (c Caller) Frames(p *program.Program) []string {
	var frames []program.Frame
	for _, f := range c {
		if f.Function > 0 {
			frames = append(frames, program.Frame{Function: int(f.Function - 1), Offset: uint64(f.Offset)})
		}
	}
	return p.Callers(frames)
}
