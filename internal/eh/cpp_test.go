package eh

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental/table"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// TestCpp compiles C++ programs, lowers them and compares what they print with what a native build printed.
func TestCpp(t *testing.T) {
	for _, program := range []string{"exceptions", "longjmp"} {
		for _, level := range []string{"-O0", "-O1", "-O3"} {
			t.Run(program+level, func(t *testing.T) {
				source, err := os.ReadFile(filepath.Join("testdata", program+".cc"))
				if err != nil {
					t.Fatal(err)
				}
				want, err := os.ReadFile(filepath.Join("testdata", program+".txt"))
				if err != nil {
					t.Fatal(err)
				}
				ran := runCpp(t, lowerCpp(t, string(source), level))
				if ran.output != string(want) {
					t.Errorf("printed:\n%s\nnot:\n%s", ran.output, want)
				}
				if ran.pending != 0 {
					t.Errorf("exception %d is pending at the end", ran.pending)
				}
			})
		}
	}
}

func TestUncaughtInCpp(t *testing.T) {
	ran := runCpp(t, lowerCpp(t, `
		#include <stdio.h>
		struct Noisy { ~Noisy() { printf("unwound\n"); fflush(stdout); } };
		int main() { Noisy n; throw 42; }`, "-O1"))
	if ran.output != "unwound\n" || ran.pending == 0 || ran.value == 0 {
		t.Errorf("printed %q, pending %d, value %d", ran.output, ran.pending, ran.value)
	}
}

// TestDebugInformation: debug information and names stay, with a map from the code that moved to the one that they
// describe.
func TestDebugInformation(t *testing.T) {
	source, err := os.ReadFile("testdata/exceptions.cc")
	if err != nil {
		t.Fatal(err)
	}
	var before, out []byte
	for _, level := range []string{"-O0", "-O2"} {
		before = buildCpp(t, string(source), level, "-g")
		out = mapped(t, before)
	}
	count := func(module []byte) (debug int, names *wasm.Names) {
		m, err := wasm.Decode(module)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range m.Customs {
			if strings.HasPrefix(c.Name, ".debug") {
				debug += len(c.Data)
			}
		}
		return debug, m.Names()
	}
	debugBefore, namesBefore := count(before)
	debugAfter, namesAfter := count(out)
	if debugBefore == 0 || debugAfter != debugBefore {
		t.Errorf("%d bytes of debug information before, %d after", debugBefore, debugAfter)
	}
	if len(namesAfter.Functions) != len(namesBefore.Functions) || len(namesAfter.Functions) == 0 {
		t.Errorf("%d functions have names before, %d after", len(namesBefore.Functions), len(namesAfter.Functions))
	}
}

func lowerCpp(t testing.TB, source string, flags ...string) []byte {
	before := buildCpp(t, source, flags...)
	out := lowered(t, before)
	t.Logf("%d bytes before, %d after", len(before), len(out))
	return out
}

// buildCpp compiles and links a program with Debian's packages and the runtime in testdata.
func buildCpp(t testing.TB, source string, flags ...string) []byte {
	dir := t.TempDir()
	run := func(name string, args ...string) {
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	file := filepath.Join(dir, "program.cc")
	if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	const llvm = "/usr/lib/llvm-19"
	compile := append([]string{"--target=wasm32-wasi", "-std=c++17", "-w", "-fwasm-exceptions", "-mllvm",
		"-wasm-enable-sjlj", "-nostdinc++", "-nostdlibinc", "-isystem", llvm + "/include/wasm32-wasi/c++/v1", "-isystem",
		"/usr/include/wasm32-wasi", "-c"}, flags...)
	objects := []string{filepath.Join(dir, "program.o"), filepath.Join(dir, "runtime.o")}
	run("clang++-19", append(compile, file, "-o", objects[0])...)
	run("clang++-19", append(compile, "testdata/runtime.cc", "-o", objects[1])...)
	module := filepath.Join(dir, "program.wasm")
	run("wasm-ld-19", "-L/usr/lib/wasm32-wasi", "-L"+llvm+"/lib/wasm32-wasi", "/usr/lib/wasm32-wasi/crt1.o", objects[0],
		objects[1], "-lc++", "-lc++abi", "-lc", llvm+"/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a",
		"--export-table", "--export-if-defined=bench", "-o", module)
	data, err := os.ReadFile(module)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// ran is how a program ended.
type ran struct {
	output  string
	pending uint64
	value   uint64
}

// runCpp runs a lowered program, with test.call as the host that calls back.
func runCpp(t testing.TB, module []byte) ran {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	defer r.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	_, err := r.NewHostModuleBuilder("test").NewFunctionBuilder().WithFunc(func(ctx context.Context, m api.Module,
		index, argument uint32) {
		f := table.LookupFunction(m, 0, index, []api.ValueType{api.ValueTypeI32}, nil)
		if _, err := f.Call(ctx, uint64(argument)); err != nil {
			panic(err)
		}
	}).Export("call").Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	m, err := r.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithStdout(&out).WithStderr(&out).
		WithArgs("program").WithStartFunctions())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.ExportedFunction("_start").Call(ctx); err != nil {
		if exit, ok := err.(*sys.ExitError); !ok || exit.ExitCode() != 0 {
			t.Fatalf("%v; printed:\n%s", err, out.String())
		}
	}
	return ran{output: out.String(), pending: m.ExportedGlobal(Pending).Get(), value: m.ExportedGlobal(Value).Get()}
}
