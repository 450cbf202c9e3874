package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker"
	"github.com/faasmrun/faasmrun/worker/confine"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/native"
	"github.com/faasmrun/faasmrun/worker/engine/native/clang"
	"github.com/faasmrun/faasmrun/worker/engine/native/maker"
	"github.com/faasmrun/faasmrun/worker/engine/wazero"
)

// engineAuto has a worker announce all engines that it has.
const engineAuto = "auto"

// Engines are what this program runs WebAssembly with on this machine: all, or the one that is chosen. cache is the
// directory of compiled modules; lax has the C compiler run on kernels without Landlock.
func Engines(chosen, cache string, lax bool) ([]*schedpb.Engine, *worker.Native, error) {
	var all []*schedpb.Engine
	var made *worker.Native
	switch chosen {
	case engineAuto, schedpb.EngineWazero, schedpb.EngineNative:
	default:
		return nil, nil, cli.Usagef("--engine is %s, %s or %s; %q is none of these", engineAuto, schedpb.EngineWazero,
			schedpb.EngineNative, chosen)
	}
	if chosen != schedpb.EngineNative {
		if err := wazero.ProveStops(); err != nil {
			return nil, nil, fmt.Errorf("this machine can't run the wazero engine: %w", err)
		}
		all = append(all, announced(wazero.Described()))
	}
	if chosen != schedpb.EngineWazero {
		path := os.Getenv("PATH")
		c, err := nativeCompiler(path, cache, lax)
		if err == nil {
			all, made = append(all, announced(native.Described())), &worker.Native{Compiler: c, Path: path, Lax: lax}
		} else {
			all = append(all, &schedpb.Engine{Name: schedpb.EngineNative, Missing: err.Error()})
		}
		if err != nil && chosen == schedpb.EngineNative {
			return nil, nil, fmt.Errorf("this machine can't run the native engine: %w", err)
		}
	}
	return all, made, nil
}

func announced(d engine.Description) *schedpb.Engine {
	return &schedpb.Engine{Name: d.Name, DataModels: d.DataModels, MaxRankMemBytes: d.MaxRankMem}
}

// nativeCompiler finds what the native engine needs of this machine, or says what is missing.
func nativeCompiler(path, cache string, lax bool) (*clang.Compiler, error) {
	if !clang.Supported() {
		return nil, errors.New("it is for x86-64 processors only")
	}
	if !lax && !confine.HasLandlock() {
		return nil, fmt.Errorf("%w (faasmrun worker --compile-without-landlock does without)", confine.ErrNoLandlock)
	}
	os.MkdirAll(cache, 0o700) // where there is none, nothing is remembered
	return clang.Find(context.Background(), path, maker.CompilerMemory(cache))
}
