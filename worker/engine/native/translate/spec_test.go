package translate

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/program"
)

// specSuites are the parts of the standard's test suite, which comes with wazero's sources, that are about what we
// translate.
var specSuites = []string{"v1", "v2", "threads", "tail-call", "extended-const"}

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

// specDeviations are assertions that fail, by file and line, and why.
var specDeviations = map[string]string{}

// sharing are those that are about tables of several modules, by file and the lines from and to. Engines of ours link
// no modules with each other.
var sharing = map[string][2]int{"v1/linking.json": {1, 1 << 20}, "v2/linking.json": {1, 1 << 20},
	"v1/elem.json": {340, 390}, "v2/elem.json": {565, 1 << 20}}

// usual are the files that every run tests; FAASMRUN_SPEC=all is for all of them and for both versions of the standard,
// some 2,400 modules.
var usual = map[string]bool{"call": true, "call_indirect": true, "conversions": true, "f32": true, "f64": true,
	"float_exprs": true, "float_literals": true, "i32": true, "i64": true, "if": true, "labels": true,
	"memory_trap": true,
	"nop":         true, "select": true, "switch": true, "unreachable": true,
	"bulk": true, "table_get": true, "ref_func": true,
	"simd_f32x4": true, "simd_i16x8_arith2": true, "simd_conversions": true, "simd_boolean": true, "simd_lane": true,
	"return_call": true, "return_call_indirect": true,
	"atomic": true, "data": true}

// specTraps are the kinds that the suite's messages mean.
var specTraps = map[string]program.TrapKind{
	"unreachable": program.Unreachable, "out of bounds memory access": program.OutOfBounds,
	"integer divide by zero": program.DivideByZero, "integer overflow": program.IntegerOverflow,
	"invalid conversion to integer": program.InvalidConversion, "undefined element": program.InvalidTableAccess,
	"uninitialized element": program.InvalidTableAccess, "out of bounds table access": program.InvalidTableAccess,
	"indirect call type mismatch": program.IndirectCallType, "unaligned atomic": program.UnalignedAtomic,
	"expected shared memory": program.SharedMemoryExpected,
	"call stack exhausted":   program.StackOverflow, "undefined": program.InvalidTableAccess,
	"uninitialized": program.InvalidTableAccess, "indirect call": program.IndirectCallType,
}

// TestSpecSuite runs the standard's test suite on what clang makes of its modules: every result, and the kind of every
// trap.
func TestSpecSuite(t *testing.T) {
	root := filepath.Join(wazeroSources(t), "internal", "integration_test", "spectest")
	for _, suite := range specSuites {
		files, err := filepath.Glob(filepath.Join(root, suite, "testdata", "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in suite %s: %v", suite, err)
		}
		t.Run(suite, func(t *testing.T) {
			total := counts{}
			for _, file := range files {
				name := strings.TrimSuffix(filepath.Base(file), ".json")
				if os.Getenv("FAASMRUN_SPEC") != "all" && (!usual[name] || suite == "v1") {
					continue // the second version has all of the first one's
				}
				t.Run(name, func(t *testing.T) {
					s := &script{t: t, suite: suite, dir: filepath.Dir(file), registered: map[string]*instance{},
						named: map[string]*instance{}}
					s.run(file)
					total.add(s.counts)
				})
			}
			t.Logf("%d passed, %d deviate, %d are about what engines do not share (%d modules)", total.passed,
				total.deviating, total.skipped, total.modules)
		})
	}
}

type counts struct{ passed, deviating, skipped, modules int }

func (c *counts) add(d counts) {
	c.passed += d.passed
	c.deviating += d.deviating
	c.skipped += d.skipped
	c.modules += d.modules
}

// script runs one file of the suite.
type script struct {
	t          *testing.T
	suite, dir string
	file       string
	p          *process
	last       *instance // nil: it could not be made
	named      map[string]*instance
	registered map[string]*instance
	counts
}

func (s *script) run(file string) {
	s.file = filepath.Base(file)
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	var content struct{ Commands []specCommand }
	if err := json.Unmarshal(text, &content); err != nil {
		s.t.Fatal(err)
	}
	var modules []*wasm.Module
	numbers := map[string]int{}
	for _, c := range content.Commands {
		if c.Type != "module" && c.Type != "assert_uninstantiable" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(s.dir, c.Filename))
		if err != nil {
			s.t.Fatal(err)
		}
		m, err := wasm.Decode(data)
		if err == nil {
			_, err = Translate(m)
		}
		if err != nil {
			s.t.Logf("line %d: %v", c.Line, err)
			continue
		}
		numbers[c.Filename] = len(modules)
		modules = append(modules, m)
	}
	if len(modules) == 0 {
		return
	}
	s.modules = len(modules)
	s.p = start(s.t, library(s.t, modules))
	for i := range content.Commands {
		c := &content.Commands[i]
		if lines := sharing[s.suite+"/"+s.file]; c.Line >= lines[0] && c.Line < lines[1] {
			s.skipped++
			s.last = nil
			continue
		}
		number, translated := numbers[c.Filename]
		switch c.Type {
		case "module":
			s.last = nil
			if translated && s.linkable(modules[number]) {
				in, err := s.p.instantiate(number, modules[number], s.registered)
				s.check(c, err)
				s.last = in
				s.named[c.Name] = in
			} else {
				s.skipped++
			}
		case "assert_uninstantiable":
			if !translated || !s.linkable(modules[number]) {
				s.skipped++
				continue
			}
			_, err := s.p.instantiate(number, modules[number], s.registered)
			s.check(c, s.wantTrap(c, err))
		case "register":
			s.registered[c.As] = s.instance(c.Name)
		case "action", "assert_return", "assert_trap", "assert_exhaustion":
			s.assert(c)
		}
	}
}

// linkable reports whether the module imports nothing that our instances do not share: tables, references and mutable
// globals.
func (s *script) linkable(m *wasm.Module) bool {
	for _, im := range m.Imports {
		from, known := s.registered[im.Module]
		if im.Module != "spectest" && (!known || from == nil) {
			return false
		}
		if from != nil && (im.Kind == wasm.KindTable || im.Kind == wasm.KindGlobal &&
			(im.Global.Mutable || im.Global.Type.IsReference())) {
			return false
		}
	}
	return true
}

func (s *script) instance(name string) *instance {
	if name == "" {
		return s.last
	}
	return s.named[name]
}

// check counts an assertion.
func (s *script) check(c *specCommand, err error) {
	if err == nil {
		s.passed++
		return
	}
	key := fmt.Sprintf("%s/%s:%d", s.suite, s.file, c.Line)
	if why, known := specDeviations[key]; known {
		s.deviating++
		s.t.Logf("%s: %v (%s)", key, err, why)
		return
	}
	s.t.Errorf("%s: %s %s: %v", key, c.Type, c.Action.Field, err)
}

func (s *script) assert(c *specCommand) {
	in := s.instance(c.Action.Module)
	if in == nil {
		s.skipped++
		return
	}
	e, ok := in.module.Export(c.Action.Field)
	if !ok {
		s.t.Fatalf("line %d: no export %s", c.Line, c.Action.Field)
	}
	if c.Action.Type == "get" {
		_, numbers := s.p.ask("read %x %x", in.home, e.Index)
		s.check(c, matches(c.Expected, numbers[:slots([]wasm.ValueType{in.spaces.Globals[e.Index].Type})]))
		return
	}
	var args []uint64
	for _, a := range c.Action.Args {
		args = append(args, parse(a)...)
	}
	results, err := in.call(c.Action.Field, args...)
	switch c.Type {
	case "assert_trap", "assert_exhaustion":
		s.check(c, s.wantTrap(c, err))
	case "action":
		s.check(c, err)
	default:
		if err == nil {
			err = matches(c.Expected, results)
		}
		s.check(c, err)
	}
}

// wantTrap is nil if an error is the trap that the command expects.
func (s *script) wantTrap(c *specCommand, err error) error {
	want, known := specTraps[c.Text]
	if !known {
		for text, kind := range specTraps {
			if strings.HasPrefix(c.Text, text) {
				want, known = kind, true
			}
		}
	}
	if !known {
		return fmt.Errorf("trap %q is not known here", c.Text)
	}
	var trap errTrap
	if !errors.As(err, &trap) {
		return fmt.Errorf("no trap where %q is due", c.Text)
	}
	if trap.kind != want {
		return fmt.Errorf("trap %d where %q is due", trap.kind, c.Text)
	}
	return nil
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

// parse gives the slots of a value.
func parse(v specValue) []uint64 {
	texts, bits := lanes(v)
	if strings.HasSuffix(v.Type, "ref") {
		if texts[0] == "null" {
			return []uint64{0}
		}
		n, _ := strconv.ParseUint(texts[0], 10, 64)
		return []uint64{n + 1} // 0 is null
	}
	out := make([]uint64, max(1, len(texts)*bits/64))
	for i, text := range texts {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			signed, _ := strconv.ParseInt(text, 10, 64)
			n = uint64(signed)
		}
		if bits < 64 {
			n &= 1<<bits - 1
		}
		out[i*bits/64] |= n << (i * bits % 64)
	}
	return out
}

// matches is nil if results are as expected, where a NaN may be one of several.
func matches(expected []specValue, results []uint64) error {
	at := 0
	for i, e := range expected {
		texts, bits := lanes(e)
		for k, text := range texts {
			got := results[at+k*bits/64] >> (k * bits % 64)
			if bits < 64 {
				got &= 1<<bits - 1
			}
			if strings.HasPrefix(text, "nan:") {
				if !isNaN(text, bits, got) {
					return fmt.Errorf("result %d lane %d: %#x and not %s", i, k, got, text)
				}
				continue
			}
			if strings.HasSuffix(e.Type, "ref") && text != "null" && text != "" {
				if want := parse(e)[0]; got != want {
					return fmt.Errorf("result %d: reference %d and not %d", i, got, want)
				}
				continue
			}
			one := e
			one.Type, one.Value = map[bool]string{true: "i64", false: "i32"}[bits == 64], []byte(strconv.Quote(text))
			if text == "null" {
				one.Value = []byte(`"0"`)
			}
			want := parse(one)[0]
			if bits < 64 {
				want &= 1<<bits - 1
			}
			if got != want {
				return fmt.Errorf("result %d lane %d: %#x and not %#x", i, k, got, want)
			}
		}
		at += max(1, len(texts)*bits/64)
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

// wazeroSources is where the sources of wazero are, as the go command has them.
func wazeroSources(t testing.TB) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Fatalf("go list does not say where wazero is: %v", err)
	}
	return dir
}
