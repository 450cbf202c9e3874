//go:build amd64 || arm64

package machinecode

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Foreign is a call of machine code that another library enters, on a stack of its own, and that Go can stop all the
// same; where FaultsEnd says so, faults end it. The code must be what Go's collector may find at any of its
// instructions: what it has in registers and on its stack is either held elsewhere, too, or not Go's, and it points to
// nothing on the goroutine's stack. The assembly knows the offsets of all but the last.
type Foreign struct {
	// Frame is where the library keeps Go's frame pointer and stack pointer while the code runs, and on 64-bit ARM where
	// it returns to, in that order. The code goes back to Go by what stands there.
	Frame uintptr
	// Code and Size are where the code stands that may be stopped. What else the library has, to enter and to leave it,
	// is on its way to one of the two.
	Code, Size uintptr
	Exit       Exit
	// Interrupted is called on the goroutine whenever the code was stopped. What it panics with ends the call.
	Interrupted func()
}

// Exit is where the library looks, when its code has come back to Go, how it has ended. After a fault it finds a trap
// of the code's own there; what it was in truth Entered.Fault says. Without an exit code faults are Go's.
type Exit struct {
	Code uintptr // the exit code, 32 bits
	Trap uintptr // what stands there after a trap
	// Where the code was, by an address behind the beginning of the instruction, and its stack and frame pointers. In what
	// it has called to copy memory it is where that returns to.
	At, Stack, Frame uintptr
}

// goroutine is what is known of a goroutine that runs such code. The assembly knows the offsets of all but the last.
type goroutine struct {
	call  *Foreign       // the innermost; nil: none
	state unsafe.Pointer // where registers of floating-point numbers and vectors are saved, a multiple of 64
	saved saved          // the others
	area  []byte         // of state
}

// goroutines finds a goroutine by its g, which Go never frees: when it has ended another one gets it, and its entry.
// The handler reads the newest table, and this process keeps them all.
var goroutines atomic.Pointer[table]

// table is a hash table of a power of two entries, half of which are free. The assembly knows the offsets.
type table struct {
	mask    uintptr
	entries []entry
	older   *table
}

type entry struct {
	g  uintptr // written last
	is *goroutine
}

// adding guards changes of goroutines, and how many there are.
var adding struct {
	sync.Mutex
	count int
}

// Implemented in assembly.

// getg is this goroutine's g.
func getg() uintptr

// paused is for the handler alone. It calls stopHere.
func paused()

// moveFunction is where Go's function stands by which such code copies memory, which may take as long as a loop; the
// handler stops it there, too, where it was called on another stack than Go's.
var moveFunction, moveSize uintptr

// EnableForeign has Go stop foreign code from now on, and faults end it. moves is where the function stands by which
// the code copies memory, which is Go's memmove.
func EnableForeign(moves uintptr) error {
	if slices.Contains(strings.Split(os.Getenv("GODEBUG"), ","), "asyncpreemptoff=1") {
		return errors.New("it was told not to: GODEBUG has asyncpreemptoff=1")
	}
	f := runtime.FuncForPC(moves)
	if f == nil || f.Name() != "runtime.memmove" {
		return fmt.Errorf("the function at %#x is not Go's memmove", moves)
	}
	enabling.Lock()
	defer enabling.Unlock()
	if moveSize == 0 {
		const alignment = 16 // of functions
		size := uintptr(alignment)
		for runtime.FuncForPC(f.Entry()+size) == f {
			size += alignment
		}
		moveFunction, moveSize = f.Entry(), size
	}
	return errors.Join(handleStops(), handleFaults())
}

// enabling guards moveFunction and moveSize.
var enabling sync.Mutex

// Entered is where a goroutine was before a call of foreign code.
type Entered struct {
	goroutine *goroutine
	outer     *Foreign
}

// Enter is called before the library is, on the goroutine that calls it. Calls may nest, of any code.
func (f *Foreign) Enter() Entered {
	here := thisGoroutine()
	e := Entered{here, here.call}
	here.call = f
	return e
}

// Leave is called when the library has returned, or has panicked.
func (e Entered) Leave() { e.goroutine.call = e.outer }

func thisGoroutine() *goroutine {
	me := getg()
	if t := goroutines.Load(); t != nil {
		if found := t.find(me); found != nil {
			return found
		}
	}
	return addGoroutine(me)
}

func (t *table) find(g uintptr) *goroutine {
	for at := g >> 7; ; at++ {
		e := &t.entries[at&t.mask]
		switch atomic.LoadUintptr(&e.g) {
		case g:
			return e.is
		case 0:
			return nil
		}
	}
}

// put adds an entry, for which there is room.
func (t *table) put(g uintptr, is *goroutine) {
	at := g >> 7
	for t.entries[at&t.mask].g != 0 {
		at++
	}
	e := &t.entries[at&t.mask]
	e.is = is
	atomic.StoreUintptr(&e.g, g)
}

func addGoroutine(g uintptr) *goroutine {
	const first = 64
	added := &goroutine{area: make([]byte, stateSize+63)}
	start := unsafe.Pointer(unsafe.SliceData(added.area))
	added.state = unsafe.Add(start, -uintptr(start)&63)
	adding.Lock()
	defer adding.Unlock()
	t := goroutines.Load()
	if t == nil {
		t = &table{mask: first - 1, entries: make([]entry, first)}
		goroutines.Store(t)
	}
	if adding.count++; 2*adding.count > len(t.entries) {
		larger := &table{mask: 2*t.mask + 1, entries: make([]entry, 2*len(t.entries)), older: t}
		for i := range t.entries {
			if e := &t.entries[i]; e.g != 0 {
				larger.put(e.g, e.is)
			}
		}
		goroutines.Store(larger)
		t = larger
	}
	t.put(g, added)
	return added
}

// stopHere is called on the goroutine's stack, instead of the function that has entered the code, and Go stops the
// goroutine here if it has asked it to: each function looks for that when it begins. (runtime.Gosched would forget what
// was asked.)
func stopHere(g *goroutine) {
	if f := g.call.Interrupted; f != nil {
		f()
	}
}
