package conformance

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/worker/program"
)

// called has functions behind pointers 1 to 5: note, a trap, an exit, one of another type, one that calls back again.
func called(pointer int64) guestModule {
	return guestModule{
		imports: []program.Import{env("note"), env("back"), env("exit")},
		table:   []int{-1, 4, 5, 6, 3, 7, 0},
		funcs: []function{
			{name: "_start", export: true, body: code(i32(pointer), opCall, 1, i32(1), opCall, 0)},
			{name: "good", params: "i", body: code(opLocalGet, 0, opCall, 0)},
			{name: "bad", params: "i", body: code(opUnreachable)},
			{name: "leave", params: "i", body: code(opCall, 2)},
			{name: "again", params: "i", body: code(i32(5), opCall, 1)},
		}}
}

func testCallTable(t *testing.T) {
	in, h := instantiate(t, called(1))
	if err := in.Start(); err != nil || strings.Join(h.calls, " ") != "7 1" {
		t.Fatalf("%v, %v", err, h.calls)
	}
	for range 3 { // known by now, and called outside of a host call
		if err := in.CallTable(1, "i", 8); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Join(h.calls, " ") != "7 1 8 8 8" {
		t.Errorf("%v", h.calls)
	}
	if err := in.CallTable(6, "i", 9); err != nil || h.calls[5] != "9" { // a host function's address
		t.Errorf("%v, %v", err, h.calls)
	}
}

func testCallTableRefuses(t *testing.T) {
	in, _ := instantiate(t, called(1))
	for _, test := range []struct {
		index  uint32
		params string
		args   []uint64
		kind   program.TrapKind
	}{
		{0, "i", []uint64{1}, program.InvalidTableAccess},
		{7, "i", []uint64{1}, program.InvalidTableAccess},
		{1<<32 - 1, "i", []uint64{1}, program.InvalidTableAccess},
		{4, "i", []uint64{1}, program.IndirectCallType},
		{1, "l", []uint64{1}, program.IndirectCallType},
		{1, "", nil, program.IndirectCallType},
		{1, "iiii", []uint64{1, 2, 3, 4}, program.IndirectCallType},
	} {
		var trap *program.Trap
		if err := in.CallTable(test.index, test.params, test.args...); !errors.As(err, &trap) || trap.Kind != test.kind ||
			trap.Signal() != 11 {
			t.Errorf("%d %q: %v", test.index, test.params, err)
		}
	}
	var trap *program.Trap
	if err := in.CallTable(1, "i"); err == nil || errors.As(err, &trap) {
		t.Errorf("an argument is missing: %v", err)
	}
	external := trivial()
	external.table, external.extern = []int{-1}, true
	odd, _ := instantiate(t, external)
	if err := odd.CallTable(0, ""); !errors.As(err, &trap) {
		t.Errorf("a table of no functions: %v", err)
	}
	plain, _ := instantiate(t, trivial())
	if err := plain.CallTable(0, ""); !errors.As(err, &trap) {
		t.Errorf("a module without a table: %v", err)
	}
}

// What is exported under a name is called where it takes and gives nothing; other names are no mistake of the program.
func testCallExport(t *testing.T) {
	in, h := instantiate(t, guestModule{
		imports: []program.Import{env("note"), env("exit")},
		funcs: []function{
			{name: "_start", export: true, body: code(i32(3), opCall, 0)},
			{name: "good", export: true, body: code(i32(7), opCall, 0)},
			{name: "bad", export: true, body: code(opUnreachable)},
			{name: "leave", export: true, body: code(opCall, 1)},
			{name: "takes", export: true, params: "i", body: code(opUnreachable)},
			{name: "gives", export: true, results: "i", body: code(opUnreachable)},
			{name: "both", export: true, params: "i", results: "i", body: code(opUnreachable)},
			{name: "hidden", body: code(opUnreachable)},
		}})
	for range 2 { // before the program begins
		if err := in.CallExport("good"); err != nil {
			t.Fatal(err)
		}
	}
	if err := in.Start(); err != nil || strings.Join(h.calls, " ") != "7 7 3" {
		t.Fatalf("%v, %v", err, h.calls)
	}
	for _, name := range []string{"takes", "gives", "both", "hidden", "memory", "unknown", ""} {
		if err := in.CallExport(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	var trap *program.Trap
	err := in.CallExport("bad")
	if !errors.As(err, &trap) || trap.Kind != program.Unreachable || trap.Frames[0] != "bad" {
		t.Errorf("%v", err)
	}
	if err := in.CallExport("leave"); !errors.Is(err, errExit) {
		t.Errorf("%v", err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := in.CallExport("good"); err == nil || len(h.calls) != 3 {
		t.Errorf("closed: %v, %v", err, h.calls)
	}
}

func testTrapBelowAHostCall(t *testing.T) {
	in, h := instantiate(t, called(2))
	err := in.Start()
	var trap *program.Trap
	if !errors.As(err, &trap) || trap.Kind != program.Unreachable || trap.Frames[0] != "bad" {
		t.Fatalf("%v", err)
	}
	var outer *program.HostError
	if !errors.As(err, &outer) || strings.Join(outer.Frames(), " ") != "env.back _start" {
		t.Errorf("%#v", err)
	}
	if h.err == nil {
		t.Error("the host call was not told")
	}
}

func testExitBelowAHostCall(t *testing.T) {
	in, _ := instantiate(t, called(3))
	err := in.Start()
	var outer *program.HostError
	if !errors.Is(err, errExit) || !errors.As(err, &outer) ||
		strings.Join(outer.Frames(), " ") != "env.exit leave env.back _start" {
		t.Fatalf("%#v", err)
	}
}

// A guest that calls itself through the host for ever ends with a trap, not with the process.
func testEndlessNesting(t *testing.T) {
	in, _ := instantiate(t, called(5))
	err := in.Start()
	var trap *program.Trap
	if !errors.As(err, &trap) || trap.Kind != program.StackOverflow {
		t.Fatalf("%v", err)
	}
	for range 4500 { // more than calls may nest
		if err := in.CallTable(1, "i", 3); err != nil {
			t.Fatalf("afterwards: %v", err)
		}
	}
}

// Tasks that wait for tasks nest as deep as a program's tree is high.
func testDeepNesting(t *testing.T) {
	const levels = 3900
	in, h := instantiate(t, onceMore(levels))
	if err := in.Start(); err != nil || len(h.calls) != levels+2 {
		t.Errorf("%v after %d calls", err, len(h.calls))
	}
}

// wazero's functions have one stack: while one runs, another call of its type needs another.
func testReentry(t *testing.T) {
	in, h := instantiate(t, onceMore(5))
	if err := in.Start(); err != nil || strings.Join(h.calls, " ") != "0 1 2 3 4 5 1" {
		t.Errorf("%v, %v", err, h.calls)
	}
}

// onceMore is a guest that calls itself back that many times, and tells its host on the way out.
func onceMore(times int64) guestModule {
	p := called(4)
	p.table[4] = 7 // "once": calls back itself as long as its counter says
	p.globals = [][]byte{mutableI32(times)}
	p.funcs[4] = function{name: "once", params: "i", locals: "i", body: code(
		opGlobalGet, 0, opLocalSet, 1,
		opGlobalGet, 0, opIf, void,
		opGlobalGet, 0, i32(1), opI32Sub, opGlobalSet, 0, i32(4), opCall, 1, opEnd,
		opLocalGet, 1, opCall, 0)}
	return p
}

func testPanicsOfHostFunctionsInTheTable(t *testing.T) {
	p := guestModule{imports: []program.Import{env("exit"), env("nil")}, table: []int{0, 1},
		funcs: []function{{name: "_start", export: true}}}
	in, _ := instantiate(t, p)
	if err := in.CallTable(0, ""); !errors.Is(err, errExit) {
		t.Errorf("%v", err)
	}
	var internal *program.InternalError
	if err := in.CallTable(1, ""); !errors.As(err, &internal) {
		t.Errorf("%v", err)
	}
}

// testManyArguments: a function may take any number of arguments, of every type, and gets each.
func testManyArguments(t *testing.T) {
	const many = 400
	params, args := strings.Repeat("ilfd", many/4), []uint64{}
	var body []byte
	sum := uint64(0)
	for i := range many {
		v := uint64(i + 1)
		sum += v
		get := code(opLocalGet, u(uint64(i)))
		switch params[i] {
		case 'i':
			args = append(args, v|garbageUpper)
		case 'l':
			args, get = append(args, v), code(get, 0xa7) // i32.wrap_i64
		case 'f':
			args, get = append(args, float32bits(float32(v))), code(get, 0xa8) // i32.trunc_f32_s
		case 'd':
			args, get = append(args, float64bits(float64(v))), code(get, opI32TruncF64S)
		}
		if i == 0 {
			body = get
		} else {
			body = code(body, get, opI32Add)
		}
	}
	p := guestModule{imports: []program.Import{env("note")}, table: []int{-1, 2, 3}, funcs: []function{
		{name: "_start", export: true},
		{name: "notes", params: params, body: code(body, opCall, 0)},
		{name: "adds", params: params, results: "i", body: body}}}
	in, h := instantiate(t, p)
	want := fmt.Sprint(sum)
	for range 2 {
		if err := in.CallTable(1, params, args...); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := in.CallTableResult(2, params, args...); err != nil || fmt.Sprint(got) != want ||
		strings.Join(h.calls, " ") != want+" "+want {
		t.Errorf("%d, %v, %v; want %s", got, err, h.calls, want)
	}
	var trap *program.Trap
	if err := in.CallTable(1, params[1:], args[1:]...); !errors.As(err, &trap) || trap.Kind != program.IndirectCallType {
		t.Errorf("an argument is missing: %v", err)
	}
}

const garbageUpper = 0xdead << 48
