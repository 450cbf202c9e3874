package engine_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/snapshot/linear"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/native"
	"github.com/faasmrun/faasmrun/worker/engine/native/clang"
	"github.com/faasmrun/faasmrun/worker/engine/native/maker"
	"github.com/faasmrun/faasmrun/worker/engine/native/object"
	"github.com/faasmrun/faasmrun/worker/engine/wazero"
	"github.com/faasmrun/faasmrun/worker/program"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "clang" { // the compiler's child
		os.Exit(clang.Main(os.Args[2:], os.Stderr))
	}
	os.Exit(m.Run())
}

// host is the host of a random program.
type host struct {
	args     [5]uint64
	instance engine.Instance
	notes    []string
	nans     [2]uint32 // whether NaNs were of a wrong class: signalling, not canonical
}

// note takes what the program tells, and looks what is in memory there.
func (h *host) note(s []uint64) {
	which, memory := uint32(s[0]), h.instance.Memory()
	if which == math.MaxUint32 {
		h.nans = [2]uint32{uint32(s[1]), uint32(s[2])}
		return
	}
	at := min(int(which%65536), len(memory)-64)
	h.notes = append(h.notes, fmt.Sprintf("%#x %#x %#x %#x, memory %x", which, s[1], uint32(s[2]), s[3],
		memory[at:at+64]))
}

func (h *host) ask(s []uint64) {
	h.notes = append(h.notes, fmt.Sprintf("ask %d %#x", uint32(s[0]), uint32(s[1])))
	result, err := h.instance.CallTableResult(uint32(s[0]), "i", uint64(uint32(s[1])))
	if err != nil {
		panic(err)
	}
	h.notes = append(h.notes, fmt.Sprintf("told %#x", result))
	s[0] = uint64(uint32(result))
}

func imports() (all []engine.Import) {
	for _, wide := range []bool{false, true} {
		all = append(all,
			engine.Import{Module: "env", Name: "note", Params: "ilfd", Wide: wide,
				Call: func(h any, s []uint64) { h.(*host).note(s) }},
			engine.Import{Module: "env", Name: "arg", Params: "i", Results: "l", Wide: wide,
				Call: func(h any, s []uint64) { s[0] = h.(*host).args[uint32(s[0])] }},
			engine.Import{Module: "env", Name: "ask", Params: "ii", Results: "i", Wide: wide,
				Call: func(h any, s []uint64) { h.(*host).ask(s) }})
	}
	return all
}

// checked is wazero with addresses that are checked: elsewhere their upper halves mean nothing there.
type checked struct{ engine.Engine }

func (c checked) Target() program.Target {
	t := c.Engine.Target()
	t.CheckAddresses = true
	return t
}

// outcome is what came of a program.
type outcome struct {
	notes  []string
	err    string           // "" where it returned
	kind   program.TrapKind // of a trap, or -1
	memory uint64           // a hash of what is in it
	size   int
	nans   [2]uint32
}

func run(t *testing.T, m engine.Module, args [5]uint64) outcome {
	mem, err := linear.New(1<<20, linear.Reserve(m.Reserve()), m.Lowest())
	if err != nil {
		t.Fatal(err)
	}
	h := &host{args: args}
	in, err := m.Instantiate(h, mem)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	h.instance = in
	o := outcome{kind: -1}
	if err := in.Start(); err != nil {
		o.err = withoutHelpers(err.Error())
		var trap *program.Trap
		if errors.As(err, &trap) {
			o.kind = trap.Kind
		}
	}
	sum := fnv.New64a()
	sum.Write(in.Memory())
	o.notes, o.nans, o.memory, o.size = h.notes, h.nans, sum.Sum64(), len(in.Memory())
	return o
}

var frame = regexp.MustCompile(`\n    at function (\d+)`)

// withoutHelpers takes out of a text the frames of functions that passes have added: they are there for one engine.
func withoutHelpers(text string) string {
	return frame.ReplaceAllStringFunc(text, func(line string) string {
		if n, _ := strconv.Atoi(frame.FindStringSubmatch(line)[1]); n >= functions {
			return ""
		}
		return line
	})
}

func frames(text string) []string { return strings.Split(text, "\n")[1:] }

// within reports whether all of few come in many, in this order.
func within(few, many []string) bool {
	for _, f := range few {
		i := slices.Index(many, f)
		if i < 0 {
			return false
		}
		many = many[i+1:]
	}
	return true
}

// pair is both engines, and where machine code is made.
type pair struct {
	wazero, native engine.Engine
	compiler       *clang.Compiler
	store          *object.Store
	dir            string
	parallel       int
}

func newPair(t *testing.T) *pair {
	t.Helper()
	compiler, err := clang.Find(t.Context(), os.Getenv("PATH"), "")
	if errors.Is(err, clang.ErrAbsent) || !clang.Supported() {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{compiler: compiler, dir: t.TempDir(), parallel: runtime.NumCPU()}
	p.store = object.Open(p.dir)
	w, err := wazero.New(engine.Options{})
	if err == nil {
		p.wazero = checked{w}
		p.native, err = native.New(engine.Options{}, p.object)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []engine.Engine{p.wazero, p.native} {
		t.Cleanup(func() { e.Close() })
		if err := e.Link(imports()); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// object makes a program's machine code, as workers do.
func (p *pair) object(of *program.Program) (*object.Object, error) {
	dir, err := os.MkdirTemp(p.dir, "c-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := maker.Write(of, dir); err != nil {
		return nil, err
	}
	key := maker.KeyOf(sha256.Sum256(of.Code()), p.compiler)
	limits := clang.DefaultLimits
	limits.Parallel = p.parallel
	task := clang.Task{Command: []string{"/proc/self/exe", "clang"}, Limits: limits}
	if err := maker.Make(context.Background(), p.store, key, p.compiler, dir, task); err != nil {
		return nil, err
	}
	found, err := p.store.Find(key)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(filepath.Dir(found.Path))
	return object.Load(found)
}

// tally counts what was run.
type tally struct {
	modules, runs, returned, trapped int
	traps                            map[program.TrapKind]int
	// Deviations that are decided (docs/decisions/2026-11-29-native-translator.md): loads that were left out, or put off
	// until behind another trap, NaNs that stayed signalling, and frames of functions that have left by a tail call, which
	// clang has inlined.
	lost, put, signalling int
	callers               int // frames of functions that had left by a tail call
	failures              int
}

func (c *tally) String() string {
	return fmt.Sprintf("%d programs, %d runs: %d returned, %d trapped %v; %d traps of loads left out, %d of loads "+
		"put off, %d with signalling NaNs kept, %d with frames of tail calls; %d disagreements", c.modules, c.runs,
		c.returned, c.trapped, c.traps, c.lost, c.put, c.signalling, c.callers, c.failures)
}

// randomArguments are which function is called, and with what.
func randomArguments(g *rand.Rand) (a [5]uint64) {
	a[0] = uint64(g.IntN(mains))
	if g.IntN(60) == 0 {
		a[0] = uint64(g.IntN(tableSize + 2))
	}
	for i := 1; i < 5; i++ {
		a[i] = []uint64{0, 1, g.Uint64(), uint64(g.IntN(65536)), 1 << 31, 0x40490fdb, 0xc05edd2f1a9fbe77, 1 << 36,
			0x3ff0000000000000, ^uint64(0)}[g.IntN(10)]
	}
	return a
}

const runsOfEach = 20 // of a function, on average

// flavourOf is what a program is about, by its seed.
func flavourOf(seed uint64) flavour {
	return flavour{wide: seed%2 == 1, strict: seed/2%4 > 0, nans: seed/8%3 == 0, shared: seed/24%8 == 0,
		size: 30 + int(seed%5)*20}
}

// compare runs one program on both engines, with several arguments.
func (c *tally) compare(t *testing.T, p *pair, seed uint64) {
	f := flavourOf(seed)
	m := randomModule(seed, f)
	file := m.Encode()
	if err := m.Validate(); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	w, err := engine.Make(p.wazero, file)
	if err != nil {
		t.Fatalf("seed %d on wazero: %v", seed, err)
	}
	defer p.wazero.Discard(w)
	n, err := engine.Make(p.native, file)
	if err != nil {
		t.Fatalf("seed %d natively: %v", seed, err)
	}
	defer p.native.Discard(n)
	c.modules++
	g := rand.New(rand.NewPCG(seed, 11))
	for range mains * runsOfEach {
		args := randomArguments(g)
		want, got := run(t, w, args), run(t, n, args)
		c.runs++
		if why := c.judge(f, want, got); why != "" {
			c.failures++
			t.Errorf("seed %d %+v of %#x: %s", seed, f, args, why)
			if c.failures > 100 {
				t.Fatal("too many disagreements")
			}
			break
		}
	}
}

// judge counts what came of a run, and says what the engines disagree about.
func (c *tally) judge(f flavour, wazero, native outcome) string {
	if wazero.err == "" {
		c.returned++
	} else {
		c.trapped++
		c.traps[wazero.kind]++
	}
	outOfBounds := wazero.kind == program.OutOfBounds
	switch {
	case wazero.err != "" && wazero.kind < 0 || native.err != "" && native.kind < 0:
		return fmt.Sprintf("no trap: %q and natively %q", wazero.err, native.err)
	case outOfBounds && !f.strict && wazero.err == native.err && longer(native.notes, wazero.notes):
		c.lost++ // and a later access traps alike
		return ""
	case wazero.kind == native.kind && wazero.err == native.err:
	case outOfBounds && !f.strict && native.kind != program.StackOverflow:
		c.lost++
		return ""
	case outOfBounds && native.kind >= 0 && native.kind != program.OutOfBounds && native.kind != program.StackOverflow:
		c.put++
	case wazero.kind == native.kind && wazero.kind == program.StackOverflow: // how deep it was
	case wazero.kind == native.kind && within(frames(wazero.err), frames(native.err)): // of an inlined tail call
		c.callers++
	default:
		return fmt.Sprintf("%q and natively %q", wazero.err, native.err)
	}
	if !slices.Equal(wazero.notes, native.notes) {
		i := 0
		for i < min(len(wazero.notes), len(native.notes)) && wazero.notes[i] == native.notes[i] {
			i++
		}
		return fmt.Sprintf("note %d of %d and natively %d:\n%q\n%q", i, len(wazero.notes), len(native.notes),
			wazero.notes[i:min(i+1, len(wazero.notes))], native.notes[i:min(i+1, len(native.notes))])
	}
	if wazero.err != "" {
		return ""
	}
	if wazero.nans[1] != 0 || native.nans[1] != 0 || wazero.nans[0] != 0 {
		return fmt.Sprintf("NaNs of a wrong class: %v and natively %v", wazero.nans, native.nans)
	}
	if native.nans[0] != 0 {
		c.signalling++
		return ""
	}
	if wazero.memory != native.memory || wazero.size != native.size {
		return fmt.Sprintf("memory of %d bytes %#x and natively %d %#x", wazero.size, wazero.memory, native.size,
			native.memory)
	}
	return ""
}

// longer reports whether notes go on where others end.
func longer(notes, than []string) bool {
	return len(notes) > len(than) && slices.Equal(notes[:len(than)], than)
}

// TestDifferential runs random programs on both engines, from the module to the host's calls: what they tell the host,
// what is in their memories, and how they end is the same. FAASMRUN_FUZZ_MINUTES=60 FAASMRUN_FUZZ_SEED=1 has it run for
// long (make fuzz-engines).
func TestDifferential(t *testing.T) {
	p := newPair(t)
	c := &tally{traps: map[program.TrapKind]int{}}
	minutes, _ := strconv.Atoi(os.Getenv("FAASMRUN_FUZZ_MINUTES"))
	seed, _ := strconv.ParseUint(os.Getenv("FAASMRUN_FUZZ_SEED"), 10, 64)
	end := time.Now().Add(time.Duration(minutes) * time.Minute)
	for n := 0; n < usualPrograms || time.Now().Before(end); n++ {
		c.compare(t, p, seed+uint64(n))
		if n%5 == 4 {
			fmt.Fprintf(os.Stderr, "seed %d: %v\n", seed+uint64(n), c)
		}
	}
	t.Log(c)
	if c.returned < c.runs/4 || c.trapped < c.runs/100 {
		t.Error("the programs are too tame or too wild")
	}
}

// usualPrograms are how many every run of the tests compares.
const usualPrograms = 4
