package wasm

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
)

const cProgram = `
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int main(int argc, char **argv) {
	int values[100];
	double sum = 0;
	for (int i = 0; i < 100; i++) values[i] = (i * 37 + argc) % 101;
	qsort(values, 100, sizeof *values, compare);
	for (int i = 0; i < 100; i++) sum += sqrt(values[i]) * (i % 7);
	char *text = malloc(1000);
	memset(text, 'x', 999);
	text[999] = 0;
	printf("%d %d %.6f %zu %s\n", values[0], values[99], sum, strlen(text), argv[0]);
	return 0;
}`

const goProgram = `package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
)

func main() {
	words := strings.Fields("the quick brown fox jumps over the lazy dog")
	sort.Strings(words)
	defer func() { fmt.Println("recovered", recover()) }()
	fmt.Println(words, len(os.Args), 1.5, map[string]int{"a": 1})
	panic("end")
}`

// realModules are what compilers make: C at several levels, with and without debug information, and Go.
func realModules(t testing.TB) map[string][]byte {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	modules := map[string][]byte{}
	build := func(name string, env []string, command ...string) {
		cmd := exec.Command(command[0], slices.Insert(command[1:], 1, "-o", filepath.Join(dir, name))...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		modules[name] = data
	}
	c := write("program.c", cProgram)
	for name, flags := range map[string]string{"c-O0": "-O0 -g", "c-O3": "-O3 -msimd128 -mbulk-memory",
		"c-Os": "-Os -mmultivalue -mreference-types"} {
		object := filepath.Join(dir, name+".o")
		build(name+".o", nil, append([]string{"clang-19", "--target=wasm32-wasi", "-nostdlibinc", "-isystem",
			"/usr/include/wasm32-wasi", "-c", c}, strings.Fields(flags)...)...)
		build(name, nil, "wasm-ld-19", "-L/usr/lib/wasm32-wasi", "/usr/lib/wasm32-wasi/crt1.o", object, "-lm", "-lc",
			"/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a")
	}
	build("go", []string{"GOOS=wasip1", "GOARCH=wasm", "GO111MODULE=off"}, "go", "build", write("main.go", goProgram))
	return modules
}

// TestRealModules takes what compilers make apart and puts it together again, as it was and with every function's index
// moved; both must run as before.
func TestRealModules(t *testing.T) {
	for name, data := range realModules(t) {
		m, err := Decode(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		encoded := m.Encode()
		if name != "go" && !strings.HasSuffix(name, ".o") && !bytes.Equal(encoded, data) {
			t.Errorf("%s: %d bytes became %d others", name, len(data), len(encoded))
		}
		checkRoundTrip(t, name, m)
		if strings.HasSuffix(name, ".o") {
			continue
		}
		if err := m.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		names := m.Names()
		index, err := m.AddFunctionImport("wasi_snapshot_preview1", "sched_yield", FuncType{Results: []ValueType{I32}})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Validate(); err != nil {
			t.Errorf("%s with one import more: %v", name, err)
		}
		for f, text := range m.Names().Functions {
			if f > index {
				f--
			}
			if names.Functions[f] != text {
				t.Fatalf("%s: %s was the name of another function", name, text)
			}
		}
		want := run(t, data)
		if want == "" {
			t.Errorf("%s prints nothing", name)
		}
		if got := run(t, encoded); got != want {
			t.Errorf("%s encoded: printed %q and not %q", name, got, want)
		}
		if got := run(t, m.Encode()); got != want {
			t.Errorf("%s with one import more: printed %q and not %q", name, got, want)
		}
	}
}

// run runs a WASI program and returns what it printed.
func run(t testing.TB, module []byte) string {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer r.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	var out bytes.Buffer
	_, err := r.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithStdout(&out).WithStderr(&out).
		WithArgs("program"))
	if exit, ok := err.(*sys.ExitError); err != nil && (!ok || exit.ExitCode() != 0) {
		t.Errorf("%v; printed %q", err, out.String())
	}
	return out.String()
}

// TestCursor shows what a pass sees: the operands beneath a call, in a block, and where code is unreachable.
func TestCursor(t *testing.T) {
	m := &Module{}
	f := m.AddType(FuncType{Params: []ValueType{F64, I32}, Results: []ValueType{I64}})
	var c Code
	c.I64(1)
	c.Zero(F32)
	c.Block(OpBlock, BlockOf(I64))
	c.Index(OpLocalGet, 0)
	c.Index(OpLocalGet, 1)
	c.Index(OpCall, 0)
	c.Op(OpUnreachable)
	c.Op(OpDrop)
	c.Op(OpEnd)
	c.Index(OpBr, 0)
	c.Op(OpEnd)
	m.Functions = []Function{{Type: f, Body: Expr(c)}}
	cursor := m.Spaces().Cursor()
	if err := cursor.Open(0); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for cursor.Next() {
		line := cursor.Instr.Op.String() + ": " + typeList(cursor.Stack())
		if !cursor.Reachable() {
			line += " unreachable"
		}
		seen = append(seen, line)
	}
	if cursor.Err() != nil {
		t.Fatal(cursor.Err())
	}
	want := []string{"i64.const: ", "f32.const: i64", "block: i64 f32", "local.get: i64 f32", "local.get: i64 f32 f64",
		"call: i64 f32 f64 i32", "unreachable: i64 f32 i64", "drop: i64 f32 unreachable", "end: i64 f32 unreachable",
		"br: i64 f32 i64", "end:  unreachable"}
	if !slices.Equal(seen, want) {
		t.Errorf("saw %q\nwant %q", seen, want)
	}
}

// TestCallGraph: through a table, only functions of the type that can be in one are reached.
func TestCallGraph(t *testing.T) {
	m := &Module{}
	none, same := m.AddType(FuncType{}), uint32(1)
	m.Types = append(m.Types, FuncType{}) // equal to the first
	other := m.AddType(FuncType{Params: []ValueType{I32}})
	m.Imports = []Import{{Module: "m", Name: "f", Kind: KindFunction, Type: none}}
	m.Tables = []Table{{Type: FuncRef}}
	body := func(write ...func(c *Code)) Function {
		var c Code
		for _, w := range write {
			w(&c)
		}
		c.Op(OpEnd)
		return Function{Body: Expr(c)}
	}
	call := func(f uint32) func(*Code) { return func(c *Code) { c.Index(OpCall, f) } }
	indirect := func(f uint32) func(*Code) {
		return func(c *Code) {
			c.I32(0)
			c.CallIndirect(f, 0)
		}
	}
	m.Functions = []Function{
		1 - 1: body(call(0)),                       // function 1 calls the import
		2 - 1: body(indirect(same)),                // through a table
		3 - 1: body(indirect(other)),               // through a table, another type
		4 - 1: body(call(2)),                       // one more step
		5 - 1: body(func(c *Code) { c.Op(OpNop) }), // nothing
	}
	m.Functions[5-1].Type = other
	m.Elements = []Element{{Offset: ConstExpr(I32), Type: FuncRef, Functions: []uint32{1, 5}}}
	g, err := m.Spaces().CallGraph()
	if err != nil {
		t.Fatal(err)
	}
	r := g.Reaching([]uint32{0})
	if want := []bool{true, true, true, false, true, false}; !slices.Equal(r.Functions, want) {
		t.Errorf("reach %v, want %v", r.Functions, want)
	}
	if !r.Type(none) || !r.Type(same) || r.Type(other) {
		t.Error("types: ", r.Type(none), r.Type(same), r.Type(other))
	}
	if got := g.Targets(other); !slices.Equal(got, []uint32{5}) {
		t.Errorf("targets %v", got)
	}
}

// TestLiveness: a local is live behind a call if it is read before it is written, around a loop as well.
func TestLiveness(t *testing.T) {
	m := &Module{}
	none := m.AddType(FuncType{})
	var c Code
	var calls []int
	call := func() {
		calls = append(calls, len(c))
		c.Index(OpCall, 0)
	}
	read := func(l uint32) {
		c.Index(OpLocalGet, l)
		c.Op(OpDrop)
	}
	write := func(l uint32) {
		c.I32(1)
		c.Index(OpLocalSet, l)
	}
	call() // 0, 1 and 2 are read below; 3 is written first
	write(3)
	c.Block(OpLoop, BlockVoid)
	read(0)
	call() // the loop may go round
	c.Index(OpLocalGet, 1)
	c.Index(OpBrIf, 0)
	c.Op(OpEnd)
	c.Index(OpLocalGet, 2)
	c.Block(OpIf, BlockVoid)
	read(3)
	c.Op(OpElse)
	call() // nothing is read from here
	c.Op(OpReturn)
	c.Op(OpEnd)
	call()
	read(70)
	c.Op(OpEnd)
	m.Functions = []Function{{Type: none, Locals: []Locals{{Count: 71, Type: I32}}, Body: Expr(c)}}
	l, err := m.Spaces().Liveness(0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]uint32{{0, 1, 2, 70}, {0, 1, 2, 3, 70}, nil, {70}} {
		if got, ok := l.After(calls[i]); !ok || !slices.Equal(got, want) {
			t.Errorf("call %d: live %v, %v; want %v", i, got, ok, want)
		}
	}
	if _, ok := l.After(calls[0] + 1); ok {
		t.Error("a call where there is none")
	}
}

// TestFeatures names each feature with where it is first used.
func TestFeatures(t *testing.T) {
	m := &Module{}
	m.AddType(FuncType{})
	m.Imports = []Import{{Module: "m", Name: "f", Kind: KindFunction}}
	body := func(bytes ...byte) Function { return Function{Body: append(Expr(bytes), byte(OpEnd))} }
	m.Functions = []Function{body(), body(0xfd, 0x80, 2), body(0xfd, 0x81, 2), body(byte(OpReturnCall), 0),
		body(byte(OpTry), 0x40, byte(OpEnd)), body(0xfe, 3, 0)}
	m.Memories = []Limits{{}, {}}
	got, err := Features(m)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range got {
		names = append(names, f.String())
	}
	want := []string{"relaxed SIMD (i8x16.relaxed_swizzle in function 2)", "tail calls (return_call in function 4)",
		"threads (atomic.fence in function 6)", "legacy exceptions (try in function 5)", "several memories (memory 1)"}
	if !slices.Equal(names, want) {
		t.Errorf("features %q\nwant %q", names, want)
	}
	if got[0].Advice != "compile without -mrelaxed-simd" {
		t.Errorf("advice %q", got[0].Advice)
	}
}

// TestNames: names are kept, extended, and survive what is not known of them.
func TestNames(t *testing.T) {
	m := &Module{}
	n := &Names{Module: "m", Functions: map[uint32]string{3: "c", 1: "a"},
		Locals:  map[uint32]map[uint32]string{1: {0: "x"}},
		Globals: map[uint32]string{0: "g"}, Tags: map[uint32]string{2: "t"},
		Others: []NameSubsection{{ID: 4, Data: []byte{0}}}}
	m.SetNames(n)
	again, err := Decode(m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Names(); !reflect.DeepEqual(got, n) {
		t.Errorf("names %+v became %+v", n, got)
	}
	// A broken section gives what stands before the fault.
	c := again.Custom("name")
	c.Data = c.Data[:len(c.Data)-3]
	if got := again.Names(); got.Functions[3] != "c" || got.Globals[0] != "g" {
		t.Errorf("names %+v", got)
	}
}

// TestElementForms writes a segment in each of the eight forms that the format has.
func TestElementForms(t *testing.T) {
	null := func() []Expr { return []Expr{ConstExpr(FuncRef)} }
	offset := ConstExpr(I32)
	m := &Module{Types: []FuncType{{}}, Tables: []Table{{Type: FuncRef}, {Type: FuncRef}},
		Functions: []Function{{Body: Expr{0x0b}}},
		Elements: []Element{
			{Offset: offset, Type: FuncRef, Functions: []uint32{0}},
			{Mode: ElementPassive, Type: FuncRef, Functions: []uint32{0}},
			{Offset: offset, Table: 1, Explicit: true, Type: FuncRef, Functions: []uint32{0}},
			{Mode: ElementDeclarative, Type: FuncRef, Functions: []uint32{0}},
			{Offset: offset, Type: FuncRef, Exprs: null()},
			{Mode: ElementPassive, Type: FuncRef, Exprs: null()},
			{Offset: offset, Table: 1, Explicit: true, Type: FuncRef, Exprs: null()},
			{Mode: ElementDeclarative, Type: FuncRef, Exprs: null()},
		}}
	again, err := Decode(m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.Elements, m.Elements) {
		t.Errorf("%+v became %+v", m.Elements, again.Elements)
	}
	if err := again.Validate(); err != nil {
		t.Error(err)
	}
}

// TestHostileCounts: a small module that announces much is refused at once.
func TestHostileCounts(t *testing.T) {
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	for id := byte(1); id <= 13; id++ {
		if id == sectionStart || id == sectionDataCount {
			continue
		}
		module := append([]byte(header), id, byte(len(huge)))
		if _, err := Decode(append(module, huge...)); err == nil {
			t.Errorf("section %d with %x entries is accepted", id, huge)
		}
	}
	locals := append([]byte(header), 1, 4, 1, formFunction, 0, 0, 3, 2, 1, 0, 10, 10, 1, 8, 1)
	locals = append(append(locals, huge...), byte(I32), byte(OpEnd))
	if _, err := Decode(locals); err == nil || !strings.Contains(err.Error(), "locals") {
		t.Errorf("a function with 2^32-1 locals: %v", err)
	}
}

// TestErrorsSayWhere: offsets are those of the module, functions are named.
func TestErrorsSayWhere(t *testing.T) {
	m := &Module{Types: []FuncType{{}}, Functions: []Function{{Body: Expr{byte(OpNop), byte(OpDrop), byte(OpEnd)}}}}
	m.SetNames(&Names{Functions: map[uint32]string{0: "main"}})
	data := m.Encode()
	again, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	e, ok := again.Validate().(*Error)
	if !ok || e.Name != "main" || data[e.Offset] != byte(OpDrop) {
		t.Errorf("error %+v", e)
	}
	for text, data := range map[string]string{"not a WebAssembly module": "\x7fELF",
		"version 1":      "\x00asm\x0d\x00\x01\x00",
		"ends too early": header + "\x01\x7f"} {
		if _, err := Decode([]byte(data)); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: error %v", data, err)
		}
	}
}

// Benchmarks run over a module of Go's compiler, which is 2.5 MB.
func benchmarkModule(b *testing.B) []byte {
	data := realModules(b)["go"]
	b.SetBytes(int64(len(data)))
	b.ResetTimer()
	return data
}

func BenchmarkDecodeEncode(b *testing.B) {
	data := benchmarkModule(b)
	for b.Loop() {
		m, err := Decode(data)
		if err != nil {
			b.Fatal(err)
		}
		m.Encode()
	}
}

func BenchmarkValidate(b *testing.B) {
	data := benchmarkModule(b)
	m, err := Decode(data)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := m.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestModulesOf does the same round trip with every module and object below the folders that FAASMRUN_MODULES names, as
// a path does: applications that were built by hand.
func TestModulesOf(t *testing.T) {
	folders := filepath.SplitList(os.Getenv("FAASMRUN_MODULES"))
	if len(folders) == 0 {
		t.Skip("FAASMRUN_MODULES names no folder")
	}
	modules, objects, size := 0, 0, 0
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			data, err := moduleIn(path)
			if err != nil || data == nil {
				return err
			}
			size += len(data)
			m, err := Decode(data)
			if strings.HasSuffix(path, ".o") {
				objects++
			} else if modules++; err == nil {
				err = m.Validate()
			}
			if err != nil {
				t.Errorf("%s: %v", path, err)
				return nil
			}
			checkRoundTrip(t, path, m)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d modules, %d objects, %d bytes", modules, objects, size)
	if modules == 0 {
		t.Error("no module was found")
	}
}

// moduleIn reads a file, if it is a module of version 1.
func moduleIn(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	magic := make([]byte, 8)
	if _, err := io.ReadFull(f, magic); err != nil || string(magic) != "\x00asm\x01\x00\x00\x00" {
		return nil, nil
	}
	return os.ReadFile(path)
}
