package mpi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/mpi/match"
)

// guest plays the program of one rank: it has a linear memory, puts arguments there and calls functions by name, as
// wasm would: with garbage in the upper half of 32-bit arguments.
type guest struct {
	t       testing.TB
	rank    *Rank
	thread  *Thread
	me, n   int
	mem     []byte
	lowest  uint64
	guard   [2]uint64 // from where to where it can't be touched
	top     uint32    // end of what alloc gave out
	stack   [16]uint64
	table   map[uint32]func(args ...uint64)       // functions by table index
	results map[uint32]func(args ...uint64) int32 // those that give back an int
	over    atomic.Int64                          // calls that are over
}

const guestMemory = 1 << 20

var callsByName = func() map[string]Call {
	m := map[string]Call{}
	for _, c := range Calls() {
		m[c.Name] = c
	}
	return m
}()

func (g *guest) Memory() []byte { return g.mem }
func (g *guest) Lowest() uint64 { return g.lowest }

func (g *guest) Open(address uint64) uint64 {
	if address < g.guard[0] {
		return g.guard[0] - address
	}
	if address < g.guard[1] {
		return 0
	}
	return uint64(len(g.Memory())) - address
}

// Grow lengthens the memory, whose base stays.
func (g *guest) Grow(size uint64) (uint64, bool) {
	n := len(g.mem)
	if n+int(size) > cap(g.mem) {
		return 0, false
	}
	g.mem = g.mem[:n+int(size)]
	return uint64(n), true
}

func (g *guest) CallTableResult(index uint32, params string, args ...uint64) (int32, error) {
	f := g.results[index]
	if f == nil {
		return 0, fmt.Errorf("no function %d in the table", index)
	}
	defer g.keepStack()()
	return f(args...), nil
}

func (g *guest) CallTable(index uint32, params string, args ...uint64) error {
	f := g.table[index]
	if f == nil {
		return fmt.Errorf("no function %d in the table", index)
	}
	defer g.keepStack()()
	f(args...)
	return nil
}

func (g *guest) Site() Site           { return 0 }
func (g *guest) Frames(Site) []string { return nil }
func (g *guest) HandleSignals()       {}
func (g *guest) Waits() string        { return "waiting for another thread of its own" }

// keepStack puts the arguments back of a call that calls back.
func (g *guest) keepStack() func() {
	saved := g.stack
	return func() { g.stack = saved }
}

// call calls a function of the table and gives its error code.
func (g *guest) call(name string, arguments ...any) int32 {
	return int32(g.raw(name, arguments...))
}

func (g *guest) raw(name string, arguments ...any) uint64 {
	c, ok := callsByName["MPI_"+name]
	if !ok || len(arguments) != len(c.Params) {
		panic(fmt.Sprintf("call of %s with %d arguments", name, len(arguments)))
	}
	for i, a := range arguments {
		var v int64
		switch a := a.(type) {
		case int:
			v = int64(a)
		case int32:
			v = int64(a)
		case match.Rank:
			v = int64(a)
		case uint32:
			v = int64(a)
		case int64:
			v = a
		case uint64:
			v = int64(a)
		default:
			panic(fmt.Sprintf("argument %v", a))
		}
		g.stack[i] = uint64(v)
		if c.Params[i] == 'i' {
			g.stack[i] = uint64(uint32(v)) | 0xdeadbeef<<32
		}
	}
	c.Fn(g.thread, g.stack[:max(len(arguments), 1)])
	g.over.Add(1)
	return g.stack[0]
}

// must calls and fails the test on an error code.
func (g *guest) must(name string, arguments ...any) {
	if code := g.call(name, arguments...); code != success {
		g.t.Errorf("rank %d: MPI_%s%v: %s", g.me, name, arguments, className(code))
	}
}

// waitTimeout is how long a rank waits for what others must do. Nothing waits for it in a test that passes.
const waitTimeout = time.Minute

// waitUntil waits for what other ranks do. Nothing tells a test that a rank parks: it looks, and lets others run.
func (g *guest) waitUntil(what string, done func() bool) {
	g.t.Helper()
	for end := time.Now().Add(waitTimeout); !done(); runtime.Gosched() {
		if time.Now().After(end) {
			g.t.Fatalf("rank %d of %d: not after %v: %s", g.me, g.n, waitTimeout, what)
		}
	}
}

func (g *guest) waitParked(rank int) {
	g.t.Helper()
	g.waitUntil(fmt.Sprintf("rank %d is parked", rank),
		func() bool { return rankOf(g.rank.world, rank).endpoint.Asleep() })
}

func (g *guest) waitOthersParked() {
	g.t.Helper()
	for rank := range g.n {
		if rank != g.me {
			g.waitParked(rank)
		}
	}
}

// waitOthersBlocked waits until no other rank has come further than it can without this one: each is parked, or has
// ended.
func (g *guest) waitOthersBlocked() {
	g.t.Helper()
	g.waitUntil("all other ranks are parked or have ended",
		func() bool { return g.rank.world.blocked.Load() >= int64(g.n-1) })
}

// alloc gives n bytes, aligned to 16.
func (g *guest) alloc(n int) uint32 {
	g.top = (g.top + 15) &^ 15
	a := g.top
	g.top += uint32(n)
	if int(g.top) > len(g.mem) {
		panic("guest memory exhausted")
	}
	return a
}

// ints puts ints in memory.
func (g *guest) ints(v ...int) uint32 {
	a := g.alloc(4 * len(v))
	for i, x := range v {
		g.setInt(a, i, x)
	}
	return a
}

func (g *guest) setInt(a uint32, i, v int) {
	binary.LittleEndian.PutUint32(g.mem[int(a)+4*i:], uint32(v))
}

func (g *guest) int(a uint32, i int) int {
	return int(int32(binary.LittleEndian.Uint32(g.mem[int(a)+4*i:])))
}

func (g *guest) getInts(a uint32, n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = g.int(a, i)
	}
	return v
}

// words puts pointers, handles or MPI_Aints in memory.
func (g *guest) words(v ...int) uint32 {
	a := g.alloc(wordSize * len(v))
	for i, x := range v {
		g.setWord(a, i, x)
	}
	return a
}

func (g *guest) setWord(a uint32, i, v int) {
	binary.LittleEndian.PutUint64(g.mem[int(a)+wordSize*i:], uint64(v))
}

func (g *guest) getWords(a uint32, n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = g.word(a, i)
	}
	return v
}

func (g *guest) word(a uint32, i int) int {
	return int(binary.LittleEndian.Uint64(g.mem[int(a)+wordSize*i:]))
}

func (g *guest) doubles(v ...float64) uint32 {
	a := g.alloc(8 * len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint64(g.mem[int(a)+8*i:], math.Float64bits(x))
	}
	return a
}

func (g *guest) double(a uint32, i int) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(g.mem[int(a)+8*i:]))
}

func (g *guest) string(a uint32) string {
	s := string(g.mem[a:])
	return s[:strings.IndexByte(s, 0)]
}

func (g *guest) cstring(s string) uint32 {
	a := g.alloc(len(s) + 1)
	copy(g.mem[a:], s+"\x00")
	return a
}

// Handles of the ABI, in the names programs use.
const (
	tWorld, tSelf              = commWorld, commSelf
	tInt, tDouble, tByte       = 0x209, 0x214, 0x247
	tSum, tMin, tMax, tProd    = 0x21, 0x22, 0x23, 0x24
	tIgnore                    = 0
	tAnySource, tAnyTag, tNull = int32(anySource), anyTag, int32(procNull)
)

// resumeEvery is how often the calls of tests are broken off.
var resumeEvery = func() ResumeEvery {
	e, err := ParseResumeEvery(os.Getenv("FAASMRUN_RESUME_EVERY"))
	if err != nil {
		panic(err)
	}
	return e
}()

// byMessages has the collectives of tests go by messages.
var byMessages = os.Getenv("FAASMRUN_BY_MESSAGES") == "1"

// inSharedMemory leaves out a test of what only members notice that read each other's memory.
func inSharedMemory(t *testing.T) {
	t.Helper()
	if byMessages || apart > 1 {
		t.Skip("by messages nobody compares what the members call")
	}
}

// newGuests makes a world of guests. Their memories are filled with a pattern, so that nothing reads zeros by luck.
func newGuests(t testing.TB, config WorldConfig, memory int) (*World, []*guest) {
	config.ResumeEvery, config.ByMessages = resumeEvery, byMessages
	var w *World
	if apart > 1 && config.Size > 1 && config.Check == nil {
		w = newNetwork(config, apart, apartSeed).worlds[0]
	} else {
		w = NewWorld(config)
	}
	guests := make([]*guest, config.Size)
	for i := range guests {
		g := &guest{t: t, me: i, n: config.Size, mem: make([]byte, memory, memory+1<<20), top: 1024,
			table: map[uint32]func(...uint64){}, results: map[uint32]func(...uint64) int32{}}
		for j := range g.mem {
			g.mem[j] = 0xa5
		}
		g.rank = rankOf(w, i).world.NewRank(i, g)
		g.thread = g.rank.Main()
		guests[i] = g
	}
	return w, guests
}

// outcome runs a program on n ranks and gives what each rank ended with: nil, or what it panicked with. The first end
// ends the others, as in a job.
func outcome(t testing.TB, n int, program func(g *guest)) []error {
	return outcomeIn(t, WorldConfig{Size: n, Node: "node", Cores: runtime.NumCPU()}, guestMemory, program)
}

func outcomeIn(t testing.TB, config WorldConfig, memory int, program func(g *guest)) []error {
	w, guests := newGuests(t, config, memory)
	defer closeAll(t, w)
	ends := make([]error, config.Size)
	var wg sync.WaitGroup
	for i, g := range guests {
		wg.Go(func() {
			finished := false
			defer func() {
				if p := recover(); p == nil && !finished { // a test that gave up
					endAll(w, errors.New("the test has failed"))
				} else if p != nil {
					err, ok := p.(error)
					var abort *AbortError
					var ended *Ended
					if !ok || !errors.As(err, &abort) && !errors.As(err, &ended) {
						panic(p)
					}
					ends[i] = err
					endAll(w, err)
				}
			}()
			program(g)
			finished = true
		})
	}
	wg.Wait()
	return ends
}

// play runs a program between MPI_Init and MPI_Finalize on n ranks; all must end well.
func play(t *testing.T, n int, program func(g *guest)) {
	t.Helper()
	for i, err := range outcome(t, n, func(g *guest) {
		g.must("Init", 0, 0)
		program(g)
		g.must("Finalize")
	}) {
		if err != nil {
			t.Errorf("rank %d: %v", i, err)
		}
	}
}

var sizes = []int{1, 2, 3, 4, 5, 7, 8, 16}

// onAllSizes runs a program at every world size.
func onAllSizes(t *testing.T, program func(g *guest)) {
	t.Helper()
	for _, n := range sizes {
		t.Run(fmt.Sprint(n), func(t *testing.T) { play(t, n, program) })
	}
}

// want fails the test unless got is as wanted.
func want[T comparable](g *guest, what string, got, wanted T) {
	g.t.Helper()
	if got != wanted {
		g.t.Errorf("rank %d of %d: %s is %v, want %v", g.me, g.n, what, got, wanted)
	}
}
