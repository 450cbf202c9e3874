package translate

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/program"
)

// compileFlags are what a test's C is compiled with, beside Flags.
var compileFlags = []string{"-O1", "-march=native"}

// harnessFile builds testdata/main.c once.
var harnessFile = sync.OnceValues(func() (string, error) {
	file := filepath.Join(os.TempDir(), fmt.Sprintf("faasmrun-translate-%d", os.Getpid()))
	out, err := exec.Command("clang-19", "-O1", "-w", "testdata/main.c", "-o", file, "-ldl").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%v: %s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if file, err := harnessFile(); err == nil {
		os.Remove(file)
	}
	os.Exit(status)
}

// library compiles modules into one library, where each has a number for a prefix. It is three runs of clang, however
// many modules there are. Of files that stand in one, the head stands once.
func library(t testing.TB, modules []*wasm.Module, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	texts := map[string]*bytes.Buffer{"code.c": {}, "object.c": {}, "support.c": {}}
	for i, m := range modules {
		files, err := Translate(m)
		if err != nil {
			t.Fatalf("module %d: %v", i, err)
		}
		head := (&translator{memory64: len(m.Spaces().Memories) > 0 && m.Spaces().Memories[0].Is64}).head(true)
		if i == 0 {
			for _, b := range texts {
				b.Write(head)
			}
			texts["support.c"].WriteString(support)
		}
		for _, name := range []string{"code.c", "object.c"} {
			rename(texts[name], i, m, "define %[1]s M%[2]d_%[1]s")
			fmt.Fprintf(texts[name], "extern const struct Entry entries[] HIDDEN;\n"+
				"extern void (*const tails[])(Instance *, u8 *, u64 *) HIDDEN;\n")
		}
		for _, f := range files {
			text := bytes.TrimPrefix(f.Text, head)
			if len(text) == len(f.Text) { // one without vectors
				text = bytes.TrimPrefix(text, head[:len(head)-len(vectorPrelude)])
			}
			switch f.Name {
			case "object.c":
				texts["object.c"].Write(text)
			case "support.c":
			default:
				texts["code.c"].Write(withoutStructs(text, texts["code.c"].Bytes()))
			}
		}
		for _, name := range []string{"code.c", "object.c"} {
			rename(texts[name], i, m, "undef %[1]s")
		}
	}
	var objects []string
	for name, text := range texts {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		object := file + ".o"
		args := append(append(append([]string{}, Flags...), compileFlags...), flags...)
		run(t, "clang-19", append(args, "-c", file, "-o", object)...)
		objects = append(objects, object)
	}
	so := filepath.Join(dir, "code.so")
	run(t, "ld.lld-19", append([]string{"-shared", "-Bsymbolic", "--no-undefined", "-o", so}, objects...)...)
	return so
}

// withoutStructs leaves out struct types that an earlier file of the module has defined.
func withoutStructs(text, before []byte) []byte {
	var kept []byte
	module := before[max(0, bytes.LastIndex(before, []byte("#define entries"))):]
	for _, line := range bytes.SplitAfter(text, []byte("\n")) {
		if bytes.HasPrefix(line, []byte("struct R")) && bytes.Contains(module, line) {
			continue
		}
		kept = append(kept, line...)
	}
	return kept
}

// rename defines macros that give what a module's C calls by its own names names of their own, or forgets them.
func rename(b *bytes.Buffer, number int, m *wasm.Module, format string) {
	names := []string{"entries", "enter", "tails", "Object", "native_object"}
	for i := range m.Spaces().Functions {
		names = append(names, fmt.Sprintf("w%d", i), fmt.Sprintf("e%d", i), fmt.Sprintf("g%d", i))
	}
	for i := range m.Types {
		names = append(names, fmt.Sprintf("R%d", i))
	}
	for _, name := range names {
		args := []any{name, number}
		fmt.Fprintf(b, "#"+format+"\n", args[:1+strings.Count(format, "[2]")]...)
	}
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		if len(out) > 4000 {
			out = out[:4000]
		}
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// process is a harness that has loaded a library.
type process struct {
	t     testing.TB
	in    io.Writer
	out   *bufio.Reader
	homes int
}

func start(t testing.TB, so string) *process {
	t.Helper()
	file, err := harnessFile()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(file, so)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return &process{t: t, in: in, out: bufio.NewReader(out)}
}

// ask sends a line and returns the answer: "ok" and numbers, or "trap" with its kind and location.
func (p *process) ask(format string, args ...any) (word string, numbers []uint64) {
	p.t.Helper()
	line := fmt.Sprintf(format, args...)
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		p.t.Fatalf("%.200s: %v", line, err)
	}
	answer, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("%.200s: %v", line, err)
	}
	words := strings.Fields(answer)
	for _, w := range words[1:] {
		n, err := strconv.ParseUint(w, 16, 64)
		if err != nil {
			p.t.Fatalf("%.200s: %s", line, answer)
		}
		numbers = append(numbers, n)
	}
	return words[0], numbers
}

// instance is a module that the harness runs.
type instance struct {
	p       *process
	home    int
	module  *wasm.Module
	spaces  *wasm.Spaces
	globals [][2]uint64 // as they began
	sizes   []uint64    // of tables, as they began
	imports map[string]*instance
}

// errTrap is what the harness says of a trap.
type errTrap struct {
	kind     program.TrapKind
	location uint64
}

func (e errTrap) Error() string { return fmt.Sprintf("trap %d at %#x", e.kind, e.location) }

// instantiate makes an instance of the library's module of a number, as the standard says: globals, tables, segments,
// the start function. imports are instances by the names that they are registered under.
func (p *process) instantiate(number int, m *wasm.Module, imports map[string]*instance) (*instance, error) {
	p.t.Helper()
	in := &instance{p: p, home: p.homes, module: m, spaces: m.Spaces(), imports: imports}
	p.homes++
	memory := wasm.Limits{}
	if len(in.spaces.Memories) > 0 {
		memory = in.spaces.Memories[0]
	}
	most := uint64(1) << 16
	if memory.HasMax {
		most = min(most, memory.Max)
	}
	for _, im := range m.Imports {
		if im.Kind == wasm.KindMemory && im.Module == "spectest" {
			memory.Min, most = 1, 2
		}
	}
	p.ask("new %x %x %x %x %x %x %x %x", in.home, number, memory.Min, most, flag(memory.Is64), len(in.spaces.Globals),
		len(in.spaces.Tables), m.ImportedFunctions())
	in.link()
	for i := range m.Globals {
		in.globals = append(in.globals, in.constant(m.Globals[i].Init))
	}
	for i, g := range in.globals {
		p.ask("global %x %x %x %x", in.home, i, g[0], g[1])
	}
	for i, t := range in.spaces.Tables {
		most := uint64(1) << 32
		if t.Limits.HasMax {
			most = t.Limits.Max
		}
		if i < len(in.spaces.Tables)-len(m.Tables) {
			t.Limits.Min, most = 10, 20 // spectest's
		}
		in.sizes = append(in.sizes, t.Limits.Min)
		p.ask("table %x %x %x %x %x", in.home, i, t.Limits.Min, most, flag(t.Type == wasm.FuncRef))
	}
	if err := in.elements(); err != nil {
		return in, err
	}
	if err := in.data(memory); err != nil {
		return in, err
	}
	if m.HasStart {
		if _, err := in.enter(len(in.exported()), nil, 0); err != nil {
			return in, err
		}
	}
	return in, nil
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// link binds imports: functions, memories and globals that never change may come from other instances, the rest is the
// suite's own module.
func (in *instance) link() {
	function := 0
	for _, im := range in.module.Imports {
		from := in.imports[im.Module]
		switch im.Kind {
		case wasm.KindFunction:
			if from != nil {
				if i, ok := from.exportedFunction(im.Name); ok {
					in.p.ask("import %x %x %x %x", in.home, function, from.home, i)
				}
			}
			function++
		case wasm.KindMemory:
			if from != nil {
				in.p.ask("share %x %x", in.home, from.home)
			}
		case wasm.KindGlobal:
			value := [2]uint64{}
			if from != nil {
				e, _ := from.module.Export(im.Name)
				_, numbers := in.p.ask("read %x %x", from.home, e.Index)
				value = [2]uint64(numbers)
			} else {
				switch im.Global.Type {
				case wasm.I32, wasm.I64:
					value[0] = 666
				case wasm.F32:
					value[0] = 0x4426a666
				case wasm.F64:
					value[0] = 0x4084d4cccccccccd
				}
			}
			in.globals = append(in.globals, value)
		}
	}
}

// exported lists the names of exported functions in the order that Object has them.
func (in *instance) exported() (names []string) {
	for _, e := range in.module.Exports {
		if e.Kind == wasm.KindFunction {
			names = append(names, e.Name)
		}
	}
	return names
}

func (in *instance) exportedFunction(name string) (int, bool) {
	for i, n := range in.exported() {
		if n == name {
			return i, true
		}
	}
	return 0, false
}

func (in *instance) elements() error {
	for i := range in.module.Elements {
		e := &in.module.Elements[i]
		var values []uint64
		for _, f := range e.Functions {
			values = append(values, uint64(f)+1)
		}
		for _, x := range e.Exprs {
			values = append(values, in.constant(x)[0])
		}
		if e.Mode == wasm.ElementPassive {
			line := fmt.Sprintf("elements %x %x %x", in.home, i, len(values))
			for _, v := range values {
				line += fmt.Sprintf(" %x", v)
			}
			in.p.ask("%s", line)
		}
		if e.Mode != wasm.ElementActive {
			continue
		}
		at := in.constant(e.Offset)[0]
		if !in.spaces.Tables[e.Table].Limits.Is64 {
			at = uint64(uint32(at))
		}
		if size := in.sizes[e.Table]; at > size || uint64(len(values)) > size-at {
			return errTrap{kind: program.InvalidTableAccess}
		}
		for k, v := range values {
			in.p.ask("set %x %x %x %x", in.home, e.Table, at+uint64(k), v)
		}
	}
	return nil
}

func (in *instance) data(memory wasm.Limits) error {
	for i := range in.module.Data {
		d := &in.module.Data[i]
		if d.Passive {
			in.p.ask("data %x %x %x %x", in.home, i, len(d.Bytes), d.Bytes)
			continue
		}
		at := in.constant(d.Offset)[0]
		if !memory.Is64 {
			at = uint64(uint32(at))
		}
		_, numbers := in.p.ask("memory %x", in.home)
		if size := numbers[0]; at > size || uint64(len(d.Bytes)) > size-at {
			return errTrap{kind: program.OutOfBounds}
		}
		in.p.ask("write %x %x %x %x", in.home, at, len(d.Bytes), d.Bytes)
	}
	return nil
}

// constant is the value of a constant expression.
func (in *instance) constant(x wasm.Expr) [2]uint64 {
	var stack [][2]uint64
	for r := wasm.NewReader(x); r.Next(); {
		switch i := &r.Instr; i.Op {
		case wasm.OpI32Const:
			stack = append(stack, [2]uint64{uint64(uint32(i.Bits))})
		case wasm.OpI64Const, wasm.OpF32Const, wasm.OpF64Const:
			stack = append(stack, [2]uint64{i.Bits})
		case wasm.OpV128Const:
			low, high := binary.LittleEndian.Uint64(i.Vector[:]), binary.LittleEndian.Uint64(i.Vector[8:])
			stack = append(stack, [2]uint64{low, high})
		case wasm.OpRefNull:
			stack = append(stack, [2]uint64{})
		case wasm.OpRefFunc:
			stack = append(stack, [2]uint64{uint64(i.Index) + 1})
		case wasm.OpGlobalGet:
			stack = append(stack, in.globals[i.Index])
		case wasm.OpEnd:
		default:
			a, b := stack[len(stack)-2][0], stack[len(stack)-1][0]
			stack = stack[:len(stack)-1]
			switch (i.Op - wasm.OpI32Add) % (wasm.OpI64Add - wasm.OpI32Add) {
			case 0:
				a += b
			case 1:
				a -= b
			case 2:
				a *= b
			}
			if i.Op < wasm.OpI64Add {
				a = uint64(uint32(a))
			}
			stack[len(stack)-1] = [2]uint64{a}
		}
	}
	return stack[0]
}

// enter calls a function by its number among the exported ones.
func (in *instance) enter(function int, args []uint64, results int) ([]uint64, error) {
	in.p.t.Helper()
	line := fmt.Sprintf("enter %x %x %x %x", in.home, function, len(args), results)
	for _, a := range args {
		line += fmt.Sprintf(" %x", a)
	}
	word, numbers := in.p.ask("%s", line)
	if word == "trap" {
		return nil, errTrap{program.TrapKind(numbers[0]), numbers[1]}
	}
	return numbers, nil
}

// call calls an exported function.
func (in *instance) call(name string, args ...uint64) ([]uint64, error) {
	in.p.t.Helper()
	i, ok := in.exportedFunction(name)
	if !ok {
		in.p.t.Fatalf("no function %s", name)
	}
	e, _ := in.module.Export(name)
	ft, _ := in.spaces.FunctionType(e.Index)
	return in.enter(i, args, slots(ft.Results))
}
