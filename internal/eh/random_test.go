package eh

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/experimental/table"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// TestRandomPrograms compares random programs, lowered and run by the engine, with their interpretation by the rules of
// the proposal. EH_PROGRAMS says how many; a failure names the seed.
func TestRandomPrograms(t *testing.T) {
	programs := 400
	if n, err := strconv.Atoi(os.Getenv("EH_PROGRAMS")); err == nil {
		programs = n
	}
	e := newEngine(t)
	uncaught, lowered := 0, 0
	for seed := range uint64(programs) {
		p := generate(seed)
		u, l, err := e.compare(p)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		uncaught, lowered = uncaught+u, lowered+l
	}
	t.Logf("%d programs, %d runs of them ended by an exception that was not caught, %d had exceptions to lower", programs,
		uncaught, lowered)
	if uncaught == 0 || lowered < programs/2 {
		t.Error("the programs have lost what they are to test")
	}
}

// engine runs what encode makes, after lowering.
type engine struct {
	runtime wazero.Runtime
	trace   []int32
}

func newEngine(t testing.TB) *engine {
	ctx := context.Background()
	e := &engine{runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().
		WithCoreFeatures(api.CoreFeaturesV2|experimental.CoreFeaturesTailCall))}
	t.Cleanup(func() { e.runtime.Close(ctx) })
	_, err := e.runtime.NewHostModuleBuilder("wasi_test").NewFunctionBuilder().WithFunc(func(v int32) {
		e.trace = append(e.trace, v)
	}).Export("trace").Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.runtime.NewHostModuleBuilder("test").NewFunctionBuilder().WithFunc(func(ctx context.Context, m api.Module,
		index, argument uint32) {
		f := table.LookupFunction(m, 0, index, []api.ValueType{api.ValueTypeI32}, nil)
		if _, err := f.Call(ctx, uint64(argument)); err != nil {
			panic(err)
		}
	}).Export("call").Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// compare runs a program both ways. uncaught and lowered count.
func (e *engine) compare(p *program) (uncaught, lowered int, err error) {
	before := encode(p)
	module, _, changed, err := rewritten(before)
	if err != nil {
		return 0, 0, err
	}
	again, _, _, err := rewritten(before)
	if err != nil || !bytes.Equal(module, again) {
		return 0, 0, fmt.Errorf("lowering twice gives other bytes: %v", err)
	}
	if changed {
		lowered = 1
	}
	m, err := wasm.Decode(module)
	if err != nil {
		return 0, 0, err
	}
	if err := m.Validate(); err != nil {
		return 0, 0, err
	}
	ctx := context.Background()
	instance, err := e.runtime.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		return 0, 0, err
	}
	defer instance.Close(ctx)
	for argument := range int32(3) {
		reference, o := interpret(p, argument)
		if argument > 0 { // the module's fuel is used up only once
			again, err := e.runtime.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithName(""))
			if err != nil {
				return 0, 0, err
			}
			defer again.Close(ctx)
			instance = again
		}
		e.trace = nil
		results, err := instance.ExportedFunction("run").Call(ctx, uint64(argument))
		if err != nil {
			return 0, 0, fmt.Errorf("argument %d: %w", argument, err)
		}
		if !slices.Equal(e.trace, reference.trace) {
			k := 0
			for k < min(len(e.trace), len(reference.trace)) && e.trace[k] == reference.trace[k] {
				k++
			}
			return 0, 0, fmt.Errorf("argument %d: traced after %d values %.5d and not %.5d", argument, k, e.trace[k:],
				reference.trace[k:])
		}
		pending := uint64(0)
		if changed {
			pending = instance.ExportedGlobal(Pending).Get()
		}
		switch {
		case o.kind == throws && pending != uint64(o.thrown.tag)+1:
			return 0, 0, fmt.Errorf("argument %d: tag %d was thrown and %d is pending", argument, o.thrown.tag, pending)
		case o.kind == throws:
			uncaught = 1
		case pending != 0:
			return 0, 0, fmt.Errorf("argument %d: %d is pending and nothing was thrown", argument, pending)
		case int32(results[0]) != o.value:
			return 0, 0, fmt.Errorf("argument %d: gave %d and not %d", argument, int32(results[0]), o.value)
		}
	}
	return uncaught, lowered, nil
}
