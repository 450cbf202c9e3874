package conformance

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/waits"
	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/snapshot/linear"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/futex"
	"github.com/faasmrun/faasmrun/worker/program"
)

// The standard's test suite comes with wazero's sources, as scripts that call what modules export. Programs of ours
// export _start and their memory alone. So each module gets a _start that does what its host says, call by call: it
// asks for the arguments and tells the results. Engines link no modules with each other: scripts are run as far as they
// are about one module, with the suite's own module (spectest) made part of it.

// specSuites are the parts of the suite that are about what we run.
var specSuites = []string{"v1", "v2", "threads", "tail-call", "extended-const"}

// usualSpec are the files that every run tests; FAASMRUN_SPEC=all is for all.
var usualSpec = map[string]bool{"v2/call_indirect": true, "v2/conversions": true, "v2/f32": true, "v2/i64": true,
	"v2/memory_trap": true, "v2/bulk": true, "v2/simd_f32x4": true, "v2/simd_lane": true,
	"tail-call/return_call_indirect": true, "threads/atomic": true, "extended-const/data": true}

// specDeviations are assertions that fail on an engine, by its name and file, the lines from and to, and why.
var specDeviations = map[string]struct {
	from, to int
	why      string
}{
	"wazero v2/elem": {239, 332, "wazero passes over elements that are beyond their table"},
}

// specSharing are the lines of scripts, from and to, that are about what several modules share.
var specSharing = map[string][2]int{"v1/linking": {1, 1 << 20}, "v2/linking": {1, 1 << 20}, "v1/elem": {340, 390},
	"v2/elem": {565, 1 << 20}}

// Spec runs the suite on an engine.
func Spec(t *testing.T, engineName string, make Make) {
	root := filepath.Join(wazeroSources(t), "internal", "integration_test", "spectest")
	for _, suite := range specSuites {
		files, err := filepath.Glob(filepath.Join(root, suite, "testdata", "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in suite %s: %v", suite, err)
		}
		t.Run(suite, func(t *testing.T) {
			total := specCounts{}
			for _, file := range files {
				name := suite + "/" + strings.TrimSuffix(filepath.Base(file), ".json")
				if os.Getenv("FAASMRUN_SPEC") != "all" && !usualSpec[name] {
					continue
				}
				t.Run(filepath.Base(name), func(t *testing.T) {
					s := &specScript{t: t, engine: engineName, name: name, dir: filepath.Dir(file), make: make,
						modules: map[string]*specModule{}}
					s.run(file)
					total.add(s.specCounts)
				})
			}
			t.Logf("%s on %s: %v", suite, engineName, total)
		})
	}
}

// wazeroSources is where the sources of wazero are, as the go command has them.
func wazeroSources(t testing.TB) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Fatalf("go list does not say where wazero is: %v", err)
	}
	return dir
}

// specCounts are of assertions; those that are left out by the reason.
type specCounts struct{ modules, passed, deviating, linked, references int }

func (c *specCounts) add(d specCounts) {
	c.modules += d.modules
	c.passed += d.passed
	c.deviating += d.deviating
	c.linked += d.linked
	c.references += d.references
}

func (c specCounts) String() string {
	return fmt.Sprintf("%d modules, %d assertions passed, %d deviate; left out: %d about several modules, %d about "+
		"references that a host gives", c.modules, c.passed, c.deviating, c.linked, c.references)
}

type specValue struct {
	Type     string
	LaneType string `json:"lane_type"`
	Value    json.RawMessage
}

type specCommand struct {
	Type, Filename, Text, Name, As string
	Line                           int
	Action                         struct {
		Type, Module, Field string
		Args                []specValue
	}
	Expected []specValue
}

// specScript is one file of the suite.
type specScript struct {
	t                 *testing.T
	engine, name, dir string
	make              Make
	modules           map[string]*specModule // by name; "" is the last one
	specCounts
}

// specModule is a module, and what is asserted of it in the script's order.
type specModule struct {
	command  *specCommand
	module   *wasm.Module // nil: it is linked with others
	dropped  bool         // what comes is about references that it can't have
	commands []*specCommand
}

func (s *specScript) run(file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	var content struct{ Commands []specCommand }
	if err := json.Unmarshal(text, &content); err != nil {
		s.t.Fatal(err)
	}
	var all []*specModule
	for i := range content.Commands {
		c := &content.Commands[i]
		lines := specSharing[s.name]
		shared := c.Line >= lines[0] && c.Line < lines[1]
		switch c.Type {
		case "module", "assert_uninstantiable":
			m := &specModule{command: c}
			if !shared {
				m.module = s.read(c.Filename)
			}
			if m.module == nil {
				s.linked++
			} else {
				all = append(all, m)
			}
			if c.Type == "module" {
				s.modules[""], s.modules[c.Name] = m, m
			}
		case "action", "assert_return", "assert_trap", "assert_exhaustion":
			m := s.modules[c.Action.Module]
			if m == nil || m.module == nil || shared {
				s.linked++
				continue
			}
			m.commands = append(m.commands, c)
		}
	}
	for _, m := range all {
		s.runModule(m)
	}
}

// read reads a module and makes the suite's own part of it; nil if it imports from another one.
func (s *specScript) read(file string) *wasm.Module {
	data, err := os.ReadFile(filepath.Join(s.dir, file))
	if err != nil {
		s.t.Fatal(err)
	}
	m, err := wasm.Decode(data)
	if err != nil {
		s.t.Fatalf("%s: %v", file, err)
	}
	var functions []wasm.Import
	var globals []wasm.Global
	var tables []wasm.Table
	var memories []wasm.Limits
	for _, im := range m.Imports {
		if im.Module != "spectest" {
			return nil
		}
		switch im.Kind {
		case wasm.KindFunction:
			functions = append(functions, im)
		case wasm.KindGlobal:
			globals = append(globals, wasm.Global{GlobalType: im.Global, Init: spectestGlobal(im.Global.Type)})
		case wasm.KindTable:
			im.Table.Limits = wasm.Limits{Min: 10, Max: 20, HasMax: true}
			tables = append(tables, im.Table)
		case wasm.KindMemory:
			im.Memory.Min, im.Memory.Max, im.Memory.HasMax = 1, 2, true
			memories = append(memories, im.Memory)
		default:
			return nil
		}
	}
	inline := func(x *wasm.Expr) { *x = inlined(*x, globals) }
	for i := range m.Globals {
		inline(&m.Globals[i].Init)
	}
	for i := range m.Elements {
		inline(&m.Elements[i].Offset)
		for k := range m.Elements[i].Exprs {
			inline(&m.Elements[i].Exprs[k])
		}
	}
	for i := range m.Data {
		inline(&m.Data[i].Offset)
	}
	m.Imports, m.Globals = functions, append(globals, m.Globals...)
	m.Tables, m.Memories = append(tables, m.Tables...), append(memories, m.Memories...)
	return m
}

// spectestGlobal is what the suite's globals hold.
func spectestGlobal(t wasm.ValueType) wasm.Expr {
	var c wasm.Code
	switch t {
	case wasm.I32:
		c.I32(666)
	case wasm.I64:
		c.I64(666)
	case wasm.F32:
		c.Instr(&wasm.Instr{Op: wasm.OpF32Const, Bits: 0x4426a666})
	case wasm.F64:
		c.Instr(&wasm.Instr{Op: wasm.OpF64Const, Bits: 0x4084d4cccccccccd})
	}
	c.Op(wasm.OpEnd)
	return wasm.Expr(c)
}

// inlined is a constant expression without the globals that were imported.
func inlined(x wasm.Expr, globals []wasm.Global) wasm.Expr {
	if x == nil {
		return nil
	}
	var c wasm.Code
	for r := wasm.NewReader(x); r.Next(); {
		if i := &r.Instr; i.Op == wasm.OpGlobalGet && int(i.Index) < len(globals) {
			init := globals[i.Index].Init
			c.Raw(init[:len(init)-1])
			continue
		}
		c.Raw(r.Raw())
	}
	return wasm.Expr(c)
}

// drive makes a program of a module: it does what the host says by the number of an export, which is what entries
// lists.
func drive(m *wasm.Module) (entries []wasm.Export, err error) {
	entries = slices.Clone(m.Exports)
	first := m.ImportedFunctions()
	i64 := []wasm.ValueType{wasm.I64}
	next := m.AddType(wasm.FuncType{Results: []wasm.ValueType{wasm.I32}})
	arg := m.AddType(wasm.FuncType{Params: []wasm.ValueType{wasm.I32}, Results: i64})
	word := m.AddType(wasm.FuncType{Params: i64})
	if _, err := m.AddFunctionImports([]wasm.Import{{Module: "spec", Name: "next", Type: next},
		{Module: "spec", Name: "arg", Type: arg}, {Module: "spec", Name: "word", Type: word}}); err != nil {
		return nil, err
	}
	spaces := m.Spaces()
	calls := driver{next: first, arg: first + 1, word: first + 2}
	nothing := m.AddType(wasm.FuncType{})
	var labels []uint32
	at := m.ImportedFunctions() + uint32(len(m.Functions))
	for i := range entries {
		labels = append(labels, uint32(i))
		var c wasm.Code
		switch e := &entries[i]; e.Kind {
		case wasm.KindFunction:
			e.Index = m.Exports[i].Index // those of functions were moved
			ft, _ := spaces.FunctionType(e.Index)
			calls.call(&c, e.Index, ft)
		case wasm.KindGlobal:
			t := spaces.Globals[e.Index].Type
			calls.locals = []wasm.ValueType{t}
			c.Index(wasm.OpGlobalGet, e.Index)
			c.Index(wasm.OpLocalSet, 0)
			calls.tell(&c, 0, t)
		default:
			calls.locals = nil
		}
		c.Op(wasm.OpEnd)
		m.Functions = append(m.Functions, wasm.Function{Type: nothing, Locals: localsOf(calls.locals), Body: wasm.Expr(c)})
	}
	// loop: call what comes next, until that is no export.
	var c wasm.Code
	c.Block(wasm.OpLoop, wasm.BlockVoid)
	for range len(entries) + 1 {
		c.Block(wasm.OpBlock, wasm.BlockVoid)
	}
	c.Index(wasm.OpCall, calls.next)
	c.BrTable(append(labels, uint32(len(entries))))
	for i := range entries {
		c.Op(wasm.OpEnd)
		c.Index(wasm.OpCall, at+uint32(i))
		c.Index(wasm.OpBr, uint32(len(entries)-i))
	}
	c.Op(wasm.OpEnd)
	c.Op(wasm.OpEnd)
	c.Op(wasm.OpEnd)
	m.Functions = append(m.Functions, wasm.Function{Type: nothing, Body: wasm.Expr(c)})
	if len(spaces.Memories) == 0 {
		m.Memories = []wasm.Limits{{}}
	}
	kept := []wasm.Export{{Name: "_start", Index: at + uint32(len(entries))}, {Name: "memory", Kind: wasm.KindMemory}}
	for i, e := range entries { // a function that is exported may be named by ref.func
		if e.Kind == wasm.KindFunction {
			kept = append(kept, wasm.Export{Name: fmt.Sprint(i), Index: e.Index})
		}
	}
	m.Exports = kept
	return entries, nil
}

// driver writes calls of exports, and has the host's functions.
type driver struct {
	next, arg, word uint32
	locals          []wasm.ValueType
}

func localsOf(types []wasm.ValueType) (l []wasm.Locals) {
	for _, t := range types {
		l = append(l, wasm.Locals{Count: 1, Type: t})
	}
	return l
}

// call calls a function with the host's arguments, and tells what it gives.
func (d *driver) call(c *wasm.Code, index uint32, ft wasm.FuncType) {
	d.locals = ft.Results
	k := int32(0)
	ask := func() {
		c.I32(k)
		c.Index(wasm.OpCall, d.arg)
		k++
	}
	for _, t := range ft.Params {
		switch t {
		case wasm.I32, wasm.F32, wasm.I64, wasm.F64:
			ask()
			convertWord(c, t)
		case wasm.V128:
			ask()
			c.Instr(&wasm.Instr{Op: i64x2Splat})
			ask()
			c.Instr(&wasm.Instr{Op: i64x2ReplaceLane, Lane: 1})
		default:
			c.Zero(t)
			k++
		}
	}
	c.Index(wasm.OpCall, index)
	for i := len(ft.Results) - 1; i >= 0; i-- {
		c.Index(wasm.OpLocalSet, uint32(i))
	}
	for i, t := range ft.Results {
		d.tell(c, uint32(i), t)
	}
}

// Instructions that move words into other values and back.
const (
	i64x2Splat, i64x2ExtractLane, i64x2ReplaceLane = wasm.OpI8x16Splat + 3, wasm.OpV128Load + 0x1d, wasm.OpV128Load + 0x1e

	i32ReinterpretF32, i64ReinterpretF64, f32ReinterpretI32, f64ReinterpretI64 wasm.Opcode = 0xbc, 0xbd, 0xbe, 0xbf
)

func convertWord(c *wasm.Code, t wasm.ValueType) {
	if t == wasm.I32 || t == wasm.F32 {
		c.Op(wasm.OpI32WrapI64)
	}
	switch t {
	case wasm.F32:
		c.Op(f32ReinterpretI32)
	case wasm.F64:
		c.Op(f64ReinterpretI64)
	}
}

// tell tells the host a local, as a word or two; of a reference, whether it is one.
func (d *driver) tell(c *wasm.Code, local uint32, t wasm.ValueType) {
	c.Index(wasm.OpLocalGet, local)
	switch t {
	case wasm.I32:
		c.Op(wasm.OpI64ExtendI32U)
	case wasm.F32:
		c.Op(i32ReinterpretF32)
		c.Op(wasm.OpI64ExtendI32U)
	case wasm.F64:
		c.Op(i64ReinterpretF64)
	case wasm.V128:
		c.Instr(&wasm.Instr{Op: i64x2ExtractLane})
		c.Index(wasm.OpCall, d.word)
		c.Index(wasm.OpLocalGet, local)
		c.Instr(&wasm.Instr{Op: i64x2ExtractLane, Lane: 1})
	case wasm.I64:
	default:
		c.Op(wasm.OpRefIsNull)
		c.Op(wasm.OpI32Eqz)
		c.Op(wasm.OpI64ExtendI32U)
	}
	c.Index(wasm.OpCall, d.word)
}

// specHost hands a module its calls, and takes what they give.
type specHost struct {
	waiting *waiting
	calls   []specCall
	at      int // of the next call
	results [][]uint64
}

type specCall struct {
	entry uint32
	args  []uint64
}

func (h *specHost) next(s []uint64) {
	if h.at == len(h.calls) {
		s[0] = 1<<31 - 1
		return
	}
	s[0] = uint64(h.calls[h.at].entry)
	h.at++
	h.results = append(h.results, nil)
}

// specImports are for programs of both data models.
func specImports() (all []engine.Import) {
	for _, wide := range []bool{false, true} {
		add := func(module, name, params, results string, call func(h *specHost, s []uint64)) {
			all = append(all, engine.Import{Module: module, Name: name, Params: params, Results: results, Wide: wide,
				Call: func(h any, s []uint64) { call(h.(*specHost), s) }})
		}
		add("spec", "next", "", "i", (*specHost).next)
		add("spec", "arg", "i", "l", func(h *specHost, s []uint64) { s[0] = h.calls[h.at-1].args[uint32(s[0])] })
		add("spec", "word", "l", "", func(h *specHost, s []uint64) {
			h.results[h.at-1] = append(h.results[h.at-1], s[0])
		})
		for _, c := range futex.Calls() {
			if c.Wide == wide {
				add(waits.Module, c.Name, c.Params, c.Results, func(h *specHost, s []uint64) { c.Fn(h.waiting.thread, s) })
			}
		}
		for name, params := range map[string]string{"print": "", "print_i32": "i", "print_i64": "l", "print_f32": "f",
			"print_f64": "d", "print_i32_f32": "if", "print_f64_f64": "dd"} {
			add("spectest", name, params, "", func(*specHost, []uint64) {})
		}
	}
	return all
}

// runModule runs a module through its part of the script. A trap ends an instance. What was called before it is then
// called again on another one, without what trapped.
func (s *specScript) runModule(m *specModule) {
	entries, err := drive(m.module)
	if err != nil {
		s.t.Fatal(err)
	}
	e, err := s.make(engine.Options{})
	if err == nil {
		defer e.Close()
		err = e.Link(specImports())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	compiled, err := engine.Make(e, m.module.Encode())
	if err != nil {
		s.check(m.command, fmt.Errorf("make it: %w", err))
		return
	}
	s.specCounts.modules++
	numbers := map[string]uint32{}
	for i, x := range entries {
		numbers[x.Name] = uint32(i)
	}
	var calls []specCall
	var returning []*specCommand
	pending := m.commands
	for {
		h := &specHost{calls: calls}
		var batch []*specCommand
		for _, c := range pending {
			number, known := numbers[c.Action.Field]
			if !known {
				s.t.Fatalf("line %d: no export %s", c.Line, c.Action.Field)
			}
			args, ok := specArguments(c)
			if !ok {
				m.dropped = true
			}
			if m.dropped {
				s.references++
				continue
			}
			batch = append(batch, c)
			h.calls = append(h.calls[:len(h.calls):len(h.calls)], specCall{number, args})
		}
		before := len(calls)
		err := s.instance(compiled, h)
		if m.command.Type == "assert_uninstantiable" {
			s.check(m.command, wantTrap(m.command, err))
			return
		}
		if h.at < before || h.at == before && err != nil {
			s.check(m.command, fmt.Errorf("instantiate it: %w", err))
			return
		}
		if before == 0 && len(returning) == 0 {
			s.check(m.command, nil)
		}
		done := h.at - before // of this batch, the last one maybe with a trap
		for i, c := range batch[:done] {
			if i == done-1 && err != nil {
				break
			}
			s.checkResults(c, h.results[before+i])
			calls = append(calls, h.calls[before+i])
			returning = append(returning, c)
		}
		if err == nil {
			return
		}
		s.checkTrap(batch[done-1], err)
		pending = batch[done:]
		if len(pending) == 0 {
			return
		}
	}
}

// instance runs an instance through the calls of a host.
func (s *specScript) instance(m engine.Module, h *specHost) error {
	mem, err := linear.New(4<<30, linear.Reserve(m.Reserve()), m.Lowest())
	if err != nil {
		s.t.Fatal(err)
	}
	in, err := m.Instantiate(h, mem)
	if err != nil {
		return err
	}
	defer in.Close()
	h.waiting = newWaiting(&host{instance: in}, new(futex.Queue))
	return in.Start()
}

// specArguments are the words of a call's arguments; false where one is a reference that only a host can give, or is
// wanted back.
func specArguments(c *specCommand) (args []uint64, ok bool) {
	for _, a := range slices.Concat(c.Action.Args, c.Expected) {
		if texts, _ := lanes(a); strings.HasSuffix(a.Type, "ref") && a.Type != "funcref" && len(texts) > 0 &&
			texts[0] != "null" {
			return nil, false
		}
	}
	for _, a := range c.Action.Args {
		args = append(args, parseWords(a)...)
	}
	return args, true
}

// check counts an assertion.
func (s *specScript) check(c *specCommand, err error) {
	if err == nil {
		s.passed++
		return
	}
	key := s.engine + " " + s.name
	if d, known := specDeviations[key]; known && c.Line >= d.from && c.Line <= d.to {
		s.deviating++
		return
	}
	s.t.Errorf("%s:%d: %s %s: %v", key, c.Line, c.Type, c.Action.Field, err)
}

func (s *specScript) checkResults(c *specCommand, words []uint64) {
	switch c.Type {
	case "assert_trap", "assert_exhaustion":
		s.check(c, fmt.Errorf("it returned %#x where %q is due", words, c.Text))
	default:
		s.check(c, matches(c.Expected, words))
	}
}

func (s *specScript) checkTrap(c *specCommand, err error) {
	switch c.Type {
	case "assert_trap", "assert_exhaustion":
		s.check(c, wantTrap(c, err))
	default:
		s.check(c, err)
	}
}

// specTraps are the kinds that the suite's messages mean.
var specTraps = []struct {
	text string
	kind program.TrapKind
}{
	{"unreachable", program.Unreachable}, {"out of bounds memory access", program.OutOfBounds},
	{"integer divide by zero", program.DivideByZero}, {"integer overflow", program.IntegerOverflow},
	{"invalid conversion to integer", program.InvalidConversion}, {"undefined", program.InvalidTableAccess},
	{"uninitialized", program.InvalidTableAccess}, {"out of bounds table access", program.InvalidTableAccess},
	{"indirect call", program.IndirectCallType}, {"unaligned atomic", program.UnalignedAtomic},
	{"expected shared memory", program.SharedMemoryExpected}, {"call stack exhausted", program.StackOverflow},
}

// wantTrap is nil if an error is the trap that the command expects. At instantiation a segment that does not fit is an
// error of another kind.
func wantTrap(c *specCommand, err error) error {
	var trap *program.Trap
	for _, w := range specTraps {
		if !strings.HasPrefix(c.Text, w.text) {
			continue
		}
		switch {
		case err == nil:
			return fmt.Errorf("no trap where %q is due", c.Text)
		case errors.As(err, &trap) && trap.Kind == w.kind:
			return nil
		case c.Type == "assert_uninstantiable" && strings.Contains(err.Error(), "can't be set up"):
			return nil
		}
		return fmt.Errorf("%v where %q is due", err, c.Text)
	}
	return fmt.Errorf("trap %q is not known here", c.Text)
}

// lanes are a value's numbers as text, with the bits of each.
func lanes(v specValue) (texts []string, bits int) {
	bits = map[string]int{"i8": 8, "i16": 16, "i32": 32, "i64": 64, "f32": 32, "f64": 64}[v.LaneType]
	if v.Type != "v128" {
		bits = 64
		if v.Type == "i32" || v.Type == "f32" {
			bits = 32
		}
		var text string
		json.Unmarshal(v.Value, &text)
		return []string{text}, bits
	}
	json.Unmarshal(v.Value, &texts)
	return texts, bits
}

// parseWords gives the words of a value.
func parseWords(v specValue) []uint64 {
	texts, bits := lanes(v)
	if strings.HasSuffix(v.Type, "ref") {
		return []uint64{0}
	}
	all := make([]byte, 16)
	for i, text := range texts {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			signed, _ := strconv.ParseInt(text, 10, 64)
			n = uint64(signed)
		}
		for b := range bits / 8 {
			all[i*bits/8+b] = byte(n >> (8 * b))
		}
	}
	words := []uint64{binary.LittleEndian.Uint64(all), binary.LittleEndian.Uint64(all[8:])}
	return words[:max(1, len(texts)*bits/64)]
}

// matches is nil if results are as expected, where a NaN may be one of several.
func matches(expected []specValue, words []uint64) error {
	at := 0
	for i, e := range expected {
		texts, bits := lanes(e)
		n := max(1, len(texts)*bits/64)
		if at+n > len(words) {
			return fmt.Errorf("%d words are too few for %d results", len(words), len(expected))
		}
		if strings.HasSuffix(e.Type, "ref") {
			if some := words[at] != 0; some == (texts[0] == "null") {
				return fmt.Errorf("result %d: a reference (%t) and not %q", i, some, texts[0])
			}
			at += n
			continue
		}
		want := parseWords(e)
		for k, text := range texts {
			shift, mask := k*bits%64, uint64(1)<<bits-1
			got := words[at+k*bits/64] >> shift & mask
			if strings.HasPrefix(text, "nan:") {
				if !isNaN(text, bits, got) {
					return fmt.Errorf("result %d lane %d: %#x and not %s", i, k, got, text)
				}
			} else if w := want[k*bits/64] >> shift & mask; got != w {
				return fmt.Errorf("result %d lane %d: %#x and not %#x", i, k, got, w)
			}
		}
		at += n
	}
	return nil
}

func isNaN(text string, bits int, got uint64) bool {
	exponent, quiet, sign := uint64(0x7f800000), uint64(0x00400000), uint64(1)<<31
	if bits == 64 {
		exponent, quiet, sign = 0x7ff0000000000000, 0x0008000000000000, 1<<63
	}
	if text == "nan:canonical" {
		return got&^sign == exponent|quiet
	}
	return got&(exponent|quiet) == exponent|quiet
}
