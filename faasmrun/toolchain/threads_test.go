package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/experimental/table"

	"github.com/faasmrun/faasmrun/internal/passes"
	"github.com/faasmrun/faasmrun/internal/waits"
	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/futex"
	"github.com/faasmrun/faasmrun/worker/wasi"
)

// TestThreads runs four threads, each an instance of its own over one memory, through the library at once: heap, stdio,
// exceptions, locks, thread_local variables. The runtime that threads need is made here, by the protocol of
// sharedMemory.
func TestThreads(t *testing.T) {
	source, err := filepath.Abs("testdata/threads.cc")
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t)
	const most = 64 << 20
	l.ok("c++", "-O2", "-std=c++20", source, "-Wl,--shared-memory", fmt.Sprintf("-Wl,--max-memory=%d", most), "-o",
		"threads.wasm")
	m, err := wasm.Decode(l.read("threads.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	prepared, err := passes.Run(m, passes.Options{Without: passes.Without{Start: true}})
	if err != nil {
		t.Fatal(err)
	}
	h := newThreadHost(t, prepared.Module, most)
	ended := make(chan error, 1)
	go func() { ended <- h.start() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatalf("%v\n%s", err, h.stderr.String())
		}
	case <-time.After(patience): // what broken locks mostly come to
		t.Fatal("the threads wait for each other, or go round in a heap that is in pieces")
	}
	if !strings.HasSuffix(h.stderr.String(), "0 wrong\n") {
		t.Errorf("it says\n%s", h.stderr.String())
	}
	next := map[string]int{}
	for line := range strings.Lines(h.stdout.String()) {
		thread, rest, _ := strings.Cut(line, " line ")
		if want := fmt.Sprintf("%d of 1000, %.3f\n", next[thread], float64(next[thread])/8); rest != want {
			t.Fatalf("%s wrote %q and not %q", thread, rest, want)
		}
		next[thread]++
	}
	for id := range 4 {
		if n := next[fmt.Sprintf("thread %d", id+1)]; n != 1000 {
			t.Errorf("thread %d wrote %d lines", id+1, n)
		}
	}
}

// patience is how long the test waits for what must come. Nothing waits for it in a test that passes.
const patience = 2 * time.Minute

// threadHost runs a module with threads.
type threadHost struct {
	t              *testing.T
	runtime        wazero.Runtime
	compiled       wazero.CompiledModule
	config         wazero.ModuleConfig
	stdout, stderr sharedBuffer

	mutex sync.Mutex
	ended []chan uint64 // by thread: its result
}

// sharedBuffer takes what several threads write, each write whole.
type sharedBuffer struct {
	mutex sync.Mutex
	bytes.Buffer
}

func (b *sharedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.Buffer.Write(p)
}

func newThreadHost(t *testing.T, module []byte, most uint64) *threadHost {
	t.Helper()
	ctx := context.Background()
	h := &threadHost{t: t, runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().
		WithCoreFeatures(api.CoreFeaturesV2|experimental.CoreFeaturesThreads))}
	t.Cleanup(func() { h.runtime.Close(ctx) })
	_, err := h.runtime.NewHostModuleBuilder("test").
		NewFunctionBuilder().WithFunc(h.spawn).Export("spawn").
		NewFunctionBuilder().WithFunc(func(thread uint32) uint64 { return <-h.thread(thread) }).Export("join").
		Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	env, err := h.runtime.InstantiateWithConfig(ctx, environment(most), wazero.NewModuleConfig().WithName(waits.Memory))
	if err != nil {
		t.Fatal(err)
	}
	memory, _ := env.Memory().Read(0, env.Memory().Size())
	h.wasi(memory)
	if h.compiled, err = h.runtime.CompileModule(ctx, module); err != nil {
		t.Fatal(err)
	}
	h.config = wazero.NewModuleConfig().WithName("").WithStartFunctions()
	return h
}

// wasi gives the program what it has of a rank: the calls of both modules for pointers of 64 bits.
func (h *threadHost) wasi(memory []byte) {
	h.t.Helper()
	ctx := context.Background()
	process, err := wasi.New(wasi.Config{Args: []string{"threads"}, Memory: func() []byte { return memory },
		Stdout: wasi.OutputTo(&h.stdout), Stderr: wasi.OutputTo(&h.stderr)})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(process.Close)
	types := map[rune]api.ValueType{'i': api.ValueTypeI32, 'l': api.ValueTypeI64, 'd': api.ValueTypeF64}
	letters := func(of string) (all []api.ValueType) {
		for _, letter := range of {
			all = append(all, types[letter])
		}
		return all
	}
	for module, calls := range map[string][]wasi.Call{wasi.Module: wasi.Calls(), wasi.System: wasi.SystemCalls()} {
		builder := h.runtime.NewHostModuleBuilder(module)
		for _, c := range calls {
			if c.Wide {
				builder.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(_ context.Context,
					stack []uint64) {
					c.Fn(process, stack)
				}),
					letters(c.Params), letters(c.Results)).Export(c.Name)
			}
		}
		if module == wasi.System {
			h.waits(builder, memory, letters)
		}
		if _, err := builder.Instantiate(ctx); err != nil {
			h.t.Fatal(err)
		}
	}
}

// waits adds the functions by which threads wait for each other. Each call is a thread's of its own: none of them waits
// twice at a time.
func (h *threadHost) waits(builder wazero.HostModuleBuilder, memory []byte, letters func(string) []api.ValueType) {
	queue := new(futex.Queue)
	for _, c := range futex.Calls() {
		if c.Wide {
			builder.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(_ context.Context, stack []uint64) {
				c.Fn(futex.NewThread(queue, waiter(memory)), stack)
			}), letters(c.Params), letters(c.Results)).Export(c.Name)
		}
	}
}

// waiter is a thread of a program that is not ended and gets no signals.
type waiter []byte

func (w waiter) Memory() []byte      { return w }
func (w waiter) Lowest() uint64      { return 0 }
func (waiter) Count(bool)            {}
func (waiter) Settle()               {}
func (waiter) Interrupted()          {}
func (waiter) Done() <-chan struct{} { return nil }
func (waiter) End()                  {}

// environment is a module that has the memory.
func environment(most uint64) []byte {
	const page = 65536
	m := &wasm.Module{Memories: []wasm.Limits{{Min: most / page, Max: most / page, HasMax: true, Shared: true}},
		Exports: []wasm.Export{{Name: "memory", Kind: wasm.KindMemory}}}
	return m.Encode()
}

// start runs the first thread, which is the program.
func (h *threadHost) start() error {
	ctx := context.Background()
	first, err := h.runtime.InstantiateModule(ctx, h.compiled, h.config)
	if err != nil {
		return err
	}
	_, err = first.ExportedFunction("_start").Call(ctx)
	var exit wasi.Exit
	if errors.As(err, &exit) && exit.Code == 0 {
		return nil
	}
	return err
}

func (h *threadHost) thread(number uint32) chan uint64 {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.ended[number-1]
}

// spawn starts a thread that calls an entry of the table.
func (h *threadHost) spawn(function, argument, top, tls uint64) uint32 {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	ended := make(chan uint64, 1)
	h.ended = append(h.ended, ended)
	go func() {
		result, err := h.run(function, argument, top, tls)
		if err != nil {
			h.t.Errorf("a thread: %v", err)
		}
		ended <- result
	}()
	return uint32(len(h.ended)) // 0 is no thread
}

func (h *threadHost) run(function, argument, top, tls uint64) (uint64, error) {
	ctx := context.Background()
	m, err := h.runtime.InstantiateModule(ctx, h.compiled, h.config)
	if err != nil {
		return 0, err
	}
	m.ExportedGlobal("__stack_pointer").(api.MutableGlobal).Set(top)
	if _, err := m.ExportedFunction("__wasm_init_tls").Call(ctx, tls); err != nil {
		return 0, err
	}
	if _, err := m.ExportedFunction("__faasmrun_thread_enter").Call(ctx); err != nil {
		return 0, err
	}
	pointer := []api.ValueType{api.ValueTypeI64}
	result, err := table.LookupFunction(m, 0, uint32(function), pointer, pointer).Call(ctx, argument)
	if err != nil {
		return 0, err
	}
	_, err = m.ExportedFunction("__faasmrun_thread_exit").Call(ctx)
	return result[0], err
}
