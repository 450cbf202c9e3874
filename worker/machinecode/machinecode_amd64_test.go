package machinecode

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/program"
)

// The tests fault for real, in processes of their own: one that ends the test binary would say little.

func TestMain(m *testing.M) {
	if name := os.Getenv("MACHINECODE_TEST_CHILD"); name != "" {
		children[name]()
		fmt.Println("done")
		return
	}
	os.Exit(m.Run())
}

// child runs one of children and gives what it printed.
func child(t *testing.T, name string) (out string, err error) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "MACHINECODE_TEST_CHILD="+name)
	text, err := c.CombinedOutput()
	return string(text), err
}

var children map[string]func()

func init() {
	children = map[string]func(){"kinds": kinds, "at once": atOnce, "go": faultsOfGo, "crash": crash, "many": many,
		"host": hostCalls, "served": servedCalls, "interrupted": interrupted}
}

// newStack is one for code that machine has made.
func newStack() *Stack {
	s, err := NewStack(codeStart, codeStart+1<<16, func() bool { return false })
	must(err == nil, "%v", err)
	return s
}

// call calls a function of one argument, which may be interrupted.
func (s *Stack) call(code, argument uintptr) error {
	defer s.Reset(s.Mark())
	switch event := s.settled(s.Enter(code, argument, 0, s.Arguments(0))); event {
	case Returned:
		return nil
	case Faulted:
		return s.Fault()
	}
	return errors.New("another event")
}

func must(ok bool, format string, a ...any) {
	if !ok {
		fmt.Printf(format+"\n", a...)
		os.Exit(1)
	}
}

// mapped maps memory.
func mapped(size uintptr, protection int) unsafe.Pointer {
	p, err := unix.MmapPtr(-1, 0, nil, size, protection, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	must(err == nil, "mmap: %v", err)
	return p
}

// settled is the next event of another kind than being interrupted.
func (s *Stack) settled(event Event) Event {
	for event == Interrupted {
		event = s.Resume()
	}
	return event
}

// codeStart is where the functions are that machine has made last.
var codeStart uintptr

// machine puts functions into memory and gives where they begin.
func machine(functions ...[]byte) (addresses []uintptr) {
	p := mapped(1<<16, unix.PROT_READ|unix.PROT_WRITE)
	at := 0
	for _, f := range functions {
		copy(unsafe.Slice((*byte)(p), 1<<16)[at:], f)
		addresses = append(addresses, uintptr(p)+uintptr(at))
		at += (len(f) + 15) &^ 15
	}
	codeStart = uintptr(p)
	must(mprotect(uintptr(p), 1<<16, unix.PROT_READ|unix.PROT_EXEC) == nil, "mprotect")
	return addresses
}

// Functions. The argument is in rdi.
var (
	load = []byte{0x90, 0x48, 0x8b, 0x07, 0xc3}             // nop; mov rax, [rdi]; ret
	keep = []byte{0x48, 0x89, 0x3f, 0xc3}                   // mov [rdi], rdi; ret
	zero = []byte{0x31, 0xc9, 0x31, 0xd2, 0xb8, 1, 0, 0, 0, // xor ecx, ecx; xor edx, edx; mov eax, 1
		0xf7, 0xf9, 0xc3} // idiv ecx; ret
	undefined = []byte{0x0f, 0x0b}                   // ud2
	endless   = []byte{0xe8, 0xfb, 0xff, 0xff, 0xff} // call itself
	jump      = []byte{0xff, 0xe7}                   // jmp rdi
	// push [rdx]*2+1, rdi, rsi, rdx and 3; then as often: call rdi(rdi, rsi, rdx)
	calls = bytes("488b02488d440001505756526a03488b7c2418488b742410488b542408ff54241848ff0c2475e74883c428c3")
	// rbx, rbp, r12 to r15 = 1, 2, 4, 8, 16, 32; 16 times: call rdi; [rsi] = their sum
	keeps = bytes("5355415441554156415757566a10bb01000000bd0200000041bc0400000041bd0800000041be1000000041bf20000000ff54" +
		"241048ff0c2475f6488d042b4c01e04c01e84c01f04c01f8488b7424084889064883c418415f415e415d415c5d5bc3")
	// while [rdi] is 0: [rdi+4] = 1 where rax, rbx, rcx, rdx, rsi, rbp, r8 or r15, the flags, xmm0 or xmm15 change, or
	// what stands 8 and 128 bytes below rsp
	sums = bytes("53554157b801000000bb02000000b903000000ba04000000be05000000bd0600000041b80700000041bf0800000041bb6300" +
		"000066490f6ec3664d0f6efb4c895c24f84c895c24804c8d14184901ca4901d24901f24901ea4d01c24d01fa4983fa247529" +
		"66490f7ec14d39d9751f664d0f7ef94d39d975154c3b5c24f8750e4c3b5c24807507833f0074bdeb07c7470401000000415f" +
		"5d5bc3")
	// As a caller's, with everything clobbered that C's rules let it: mov rbx, rdi; std; xor ebp, ebp; then the load
	dirty = []byte{0x48, 0x89, 0xfb, 0xfd, 0x31, 0xed, 0x45, 0x31, 0xf6, 0x48, 0x8b, 0x07, 0xc3}
)

func bytes(digits string) []byte {
	b, err := hex.DecodeString(digits)
	must(err == nil, "%v", err)
	return b
}

// kinds faults in each way, and the process goes on.
func kinds() {
	code := machine(load, keep, zero, undefined, endless, jump, dirty)
	s := newStack()
	var word uintptr
	must(s.call(code[1], uintptr(unsafe.Pointer(&word))) == nil && word == uintptr(unsafe.Pointer(&word)), "no call")

	memory := mapped(3*1<<16, unix.PROT_READ)
	must(mprotect(uintptr(memory)+1<<16, 2*1<<16, unix.PROT_NONE) == nil, "mprotect")
	base := uintptr(memory)
	fd, err := unix.MemfdCreate("short", 0)
	must(err == nil, "%v", err)
	short, err := unix.MmapPtr(fd, 0, nil, 1<<16, unix.PROT_READ, unix.MAP_SHARED)
	must(err == nil, "%v", err)
	for _, c := range []struct {
		name           string
		code, argument uintptr
		signal         unix.Signal
		at, address    uintptr
		kind           program.TrapKind
		known          bool
	}{
		{"beyond the memory", code[0], base + 1<<16 + 8, unix.SIGSEGV, code[0] + 1, base + 1<<16 + 8,
			program.OutOfBounds, true},
		{"what may not be written", code[1], base + 8, unix.SIGSEGV, code[1], base + 8, program.OutOfBounds, true},
		{"elsewhere", code[0], 16, unix.SIGSEGV, code[0] + 1, 16, 0, false},
		{"beyond a file", code[0], uintptr(short), unix.SIGBUS, code[0] + 1, uintptr(short), 0, false},
		{"a division by zero", code[2], 0, unix.SIGFPE, code[2] + 9, code[2] + 9, program.DivideByZero, true},
		{"an undefined instruction", code[3], 0, unix.SIGILL, code[3], code[3], program.Unreachable, true},
		{"a jump to nothing", code[5], 8, unix.SIGSEGV, 8, 8, 0, false},
		{"registers that are not as Go has them", code[6], base + 1<<16, unix.SIGSEGV, code[6] + 9, base + 1<<16,
			program.OutOfBounds, true},
	} {
		for range 3 {
			var f *Fault
			must(errors.As(s.call(c.code, c.argument), &f), "%s: no fault", c.name)
			must(f.Signal == c.signal && f.Code == c.at && f.Address == c.address && !f.StackFull, "%s: %v", c.name, f)
			kind, known := f.Trap(base, 0, 3*1<<16, 0)
			must(known == c.known && kind == c.kind, "%s: %v, %t", c.name, kind, known)
			runtime.GC()
		}
	}
	var f *Fault
	must(errors.As(s.call(code[4], 0), &f) && f.StackFull && f.Signal == unix.SIGSEGV, "recursion: %v", f)
	kind, known := f.Trap(base, 0, 1<<16, 0)
	must(known && kind == program.StackOverflow, "recursion: %v", kind)
	must(s.call(code[1], uintptr(unsafe.Pointer(&word))) == nil, "no call after the faults")
	s.Free()
	s.Free()
}

// atOnce faults on many goroutines while others allocate, collect garbage and fault in Go.
func atOnce() {
	code := machine(load, zero, endless)
	debug.SetGCPercent(5)
	stop := make(chan struct{})
	var others, running sync.WaitGroup
	others.Go(func() {
		var list [][]byte
		for {
			select {
			case <-stop:
				return
			default:
			}
			if list = append(list, make([]byte, 1024)); len(list) > 1000 {
				list = nil
				runtime.GC()
			}
		}
	})
	for i := range 16 {
		running.Go(func() {
			s := newStack()
			defer s.Free()
			for n := range 300 {
				var f *Fault
				address := uintptr(i*4096 + n + 1)
				must(errors.As(s.call(code[0], address), &f) && f.Address == address, "goroutine %d: %v", i, f)
				must(errors.As(s.call(code[1], 0), &f) && f.Signal == unix.SIGFPE, "goroutine %d: %v", i, f)
				if n%50 == 0 {
					must(errors.As(s.call(code[2], 0), &f) && f.StackFull, "goroutine %d: %v", i, f)
				}
				must(panics(func() { *(*int)(nil) = 1 }) != nil, "goroutine %d: Go did not fault", i)
				deep(n % 100)
			}
		})
	}
	running.Wait()
	close(stop)
	others.Wait()
}

// deep has the goroutine's stack grow and move.
func deep(n int) int {
	var b [512]byte
	if n == 0 {
		return int(b[0])
	}
	return deep(n-1) + int(b[n])
}

func panics(f func()) (err any) {
	defer func() { err = recover() }()
	f()
	return nil
}

// faultsOfGo are Go's as before: an error of a goroutine.
func faultsOfGo() {
	newStack()
	var none *int
	e, ok := panics(func() { *none = 1 }).(runtime.Error)
	must(ok && strings.Contains(e.Error(), "nil pointer"), "%v", e)
	e, ok = panics(func() { fmt.Println(1 / (len(os.Args) - len(os.Args))) }).(runtime.Error)
	must(ok && strings.Contains(e.Error(), "divide by zero"), "%v", e)
	debug.SetPanicOnFault(true)
	p := mapped(4096, unix.PROT_NONE)
	e, ok = panics(func() { *(*byte)(p) = 1 }).(runtime.Error)
	must(ok && strings.Contains(e.Error(), "invalid memory address"), "%v", e)
}

// crash is the end of a process by a fault of Go's that nobody handles.
func crash() {
	newStack()
	*(*byte)(mapped(4096, unix.PROT_NONE)) = 1
}

// hostCalls comes out to Go and goes back, nested, with what is on the stacks told right.
func hostCalls() {
	code := machine(calls, keeps, load)
	host, trap, err := Exits()
	must(err == nil, "%v", err)
	s := newStack()
	var nested func(depth int)
	nested = func(depth int) {
		defer s.Reset(s.Mark())
		words := s.Arguments(3)
		must(len(words) == 3, "no room")
		words[0] = uint64(depth)
		event := s.settled(s.Enter(code[0], host, 77, words))
		for i := range 3 {
			number, _ := s.Call()
			got := s.Words(1)
			must(event == Called && number == 77 && got[0] == uint64(depth), "event %d, call %d of %d", event, number, got[0])
			r := s.Registers()
			must(uintptr(r[RIP]) == code[0]+33 && s.Stored(uintptr(r[RSP])+32, 1)[0] == uint64(depth)<<1|1, "%x", r)
			deep(depth * 7)
			if depth < 20 && i == 1 {
				nested(depth + 1)
			}
			event = s.settled(s.Resume())
		}
		must(event == Returned, "event %d", event)
	}
	nested(0)
	at := (*uintptr)(mapped(4096, unix.PROT_READ|unix.PROT_WRITE))
	event := s.settled(s.Enter(code[1], host, uintptr(unsafe.Pointer(at)), s.Arguments(0)))
	for n := range 16 { // each register that a call preserves has a bit of its own
		must(event == Called, "event %d", event)
		runtime.GC()
		deep(n * 5)
		event = s.settled(s.Resume())
	}
	must(event == Returned && *at == 0x3f, "the registers' sum is %x", *at)
	event = s.settled(s.Enter(code[0], trap, 5, s.Arguments(0)))
	kind, _ := s.Call()
	must(event == Trapped && kind == 5 && uintptr(s.Registers()[RIP]) == code[0]+33, "event %d, kind %d", event, kind)
	must(s.Arguments(StackSize/8-4096) == nil, "room for too many arguments")
	must(s.Arguments(1<<60) == nil, "room for too many arguments")
}

// servedCalls has calls served from within the code: garbage is collected there, the goroutine's stack grows and moves,
// other goroutines run, calls nest, and a panic leaves them all.
func servedCalls() {
	code := machine(calls, keeps)
	host, _, err := Exits()
	must(err == nil, "%v", err)
	var s *Stack
	depth, served := 0, 0
	at := (*uintptr)(mapped(4096, unix.PROT_READ|unix.PROT_WRITE))
	enter := func() {
		defer s.Reset(s.Mark())
		words := s.Arguments(1)
		words[0] = uint64(depth)
		must(s.settled(s.Enter(code[0], host, 77, words)) == Returned, "it has not returned")
	}
	s, err = NewStack(codeStart, codeStart+1<<16, func() bool {
		number, _ := s.Call()
		if number != 77 { // from keeps
			deep(served % 200)
			return true
		}
		served++
		must(s.Words(1)[0] == uint64(depth), "call of depth %d at depth %d", s.Words(1)[0], depth)
		if served%3 == 2 && depth < 30 {
			depth++
			deep(depth * 9)
			enter()
			depth--
		}
		if served%7 == 0 {
			runtime.GC()
		}
		runtime.Gosched()
		if depth == 30 {
			must(s.settled(s.Enter(code[1], host, uintptr(unsafe.Pointer(at)), s.Arguments(0))) == Returned && *at == 0x3f,
				"the registers' sum is %x", *at)
			panic("enough")
		}
		return true
	})
	must(err == nil, "%v", err)
	done := make(chan any)
	for range 20 {
		go func() { // on a small stack
			defer func() { done <- recover() }()
			depth, served = 0, 0
			enter()
		}()
		got := <-done
		must(got == "enough" && depth == 30 && s.Mark() == 0, "%v at depth %d", got, depth)
	}
}

// interrupted computes for ever where Go wants it to stop: garbage is collected, and each register is as before.
func interrupted() {
	code := machine(sums)
	must(runtime.GOMAXPROCS(2) > 0, "")
	var running sync.WaitGroup
	stop := mapped(4096, unix.PROT_READ|unix.PROT_WRITE)
	for range 4 {
		running.Go(func() {
			s := newStack()
			defer s.Free()
			n := 0
			event := s.Enter(code[0], uintptr(stop), 0, s.Arguments(0))
			for ; event == Interrupted; n++ {
				deep(n % 50)
				event = s.Resume()
			}
			must(event == Returned && n > 0, "event %d after %d interruptions", event, n)
		})
	}
	for range 30 {
		runtime.GC()
		must(*(*uint32)(unsafe.Add(stop, 4)) == 0, "a register has changed")
	}
	*(*uint32)(stop) = 1
	running.Wait()
}

// many takes stacks that are given back, and no more than there are.
func many() {
	var all []*Stack
	for range maxStacks {
		s, err := NewStack(0, 0, nil)
		must(err == nil, "%d stacks: %v", len(all), err)
		all = append(all, s)
	}
	_, err := NewStack(0, 0, nil)
	must(err != nil && strings.Contains(err.Error(), "more than 8192 stacks"), "%v", err)
	code := machine(load)
	last := all[maxStacks-1]
	must(last.call(code[0], last.low+StackSize-8) == nil, "the last stack can't be used")
	last.Free()
	s, err := NewStack(0, 0, nil)
	must(err == nil && slices.Contains(all, last), "%v", err)
	s.Free()
}

func TestFaults(t *testing.T) {
	for _, name := range []string{"kinds", "at once", "go", "many", "host", "served", "interrupted"} {
		if out, err := child(t, name); err != nil || out != "done\n" {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestCrashOfGo(t *testing.T) {
	out, err := child(t, "crash")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(out, "fatal error: fault") ||
		!strings.Contains(out, "machinecode.crash()") {
		t.Errorf("%v\n%s", err, out)
	}
}

func BenchmarkCall(b *testing.B) {
	if os.Getenv("MACHINECODE_TEST_CHILD") == "" {
		code := machine(load)
		s := newStack()
		defer s.Free()
		word := uintptr(unsafe.Pointer(&s.low))
		for b.Loop() {
			if err := s.call(code[0], word); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkFault(b *testing.B) {
	code := machine(load)
	s := newStack()
	defer s.Free()
	for b.Loop() {
		if err := s.call(code[0], 16); err == nil {
			b.Fatal("no fault")
		}
	}
}

func BenchmarkHost(b *testing.B) {
	code := machine(calls)
	s, err := NewStack(codeStart, codeStart+1<<16, func() bool { return true })
	if err != nil {
		b.Fatal(err)
	}
	defer s.Free()
	host, _, err := Exits()
	if err != nil {
		b.Fatal(err)
	}
	words := s.Arguments(1)
	for b.Loop() { // three calls each
		if s.Enter(code[0], host, 77, words) != Returned {
			b.Fatal("it has not returned")
		}
	}
}
