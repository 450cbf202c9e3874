package executor

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/control"
)

// large is a module of many functions with long names, as C++ has them: about 10 MB.
func large() []byte {
	const functions, loads = 20_000, 60
	i32 := []wasm.ValueType{wasm.I32}
	m := &wasm.Module{Types: []wasm.FuncType{{}, {Params: i32, Results: i32}},
		Tables:   []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 1}}},
		Memories: []wasm.Limits{{Min: 1}},
		Exports:  []wasm.Export{{Name: "memory", Kind: wasm.KindMemory}, {Name: "_start", Kind: wasm.KindFunction}}}
	names := &wasm.Names{Functions: map[uint32]string{}}
	m.Functions = append(m.Functions, wasm.Function{Body: wasm.Expr{byte(wasm.OpEnd)}})
	for i := range functions {
		var c wasm.Code
		c.I32(int32(i))
		for k := range loads {
			c.Index(wasm.OpLocalGet, 0)
			c.Memory(wasm.OpI32Load, wasm.MemArg{Align: 2, Offset: uint64(16 * k)})
			c.Op(wasm.OpI32Add)
		}
		c.Op(wasm.OpEnd)
		m.Functions = append(m.Functions, wasm.Function{Type: 1, Body: wasm.Expr(c)})
		names.Functions[uint32(i+1)] = fmt.Sprintf("_ZN9LAMMPS_NS14FixRigidNHSmall%dEiPPcS1_d", i)
	}
	m.SetNames(names)
	return m.Encode()
}

// BenchmarkLoad is what an executor does with a program before its ranks are made, with everything in the cache.
// FAASMRUN_LOAD names other modules.
func BenchmarkLoad(b *testing.B) {
	cases := map[string][]byte{"generated": large()}
	for _, path := range filepath.SplitList(os.Getenv("FAASMRUN_LOAD")) {
		file, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		cases[filepath.Base(path)] = file
	}
	for name, file := range cases {
		b.Run(name, func(b *testing.B) {
			cache := b.TempDir()
			dir := filepath.Join(cache, "modules")
			if err := os.MkdirAll(dir, 0o700); err != nil {
				b.Fatal(err)
			}
			sum := sha256.Sum256(file)
			sha := hex.EncodeToString(sum[:])
			path := filepath.Join(dir, sha+".wasm")
			if err := os.WriteFile(path, file, 0o600); err != nil {
				b.Fatal(err)
			}
			if err := prepare(cache, path, sha, "", control.ForWazero, "", &memoryBudget{}); err != nil {
				b.Fatal(err)
			}
			prepared, err := control.ReadPrepared(control.PreparedPath(dir, sha, control.ForWazero))
			if err != nil {
				b.Fatal(err)
			}
			app := control.App{Module: filepath.Join(dir, prepared.Module), Program: name}
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			least := uint64(1 << 63)
			for b.Loop() {
				before := processorTime(b)
				var p programs
				if err := p.open(&control.Start{CacheDir: nativeDir(cache), Apps: []control.App{app}}); err != nil {
					b.Fatal(err)
				}
				if _, err := p.load(app); err != nil {
					b.Fatal(err)
				}
				if err := p.close(); err != nil {
					b.Fatal(err)
				}
				least = min(least, processorTime(b)-before)
			}
			b.ReportMetric(float64(least)/1e6, "cpu-ms-least")
		})
	}
}

// processorTime is what this process has used, which says more than the time on a busy machine.
func processorTime(b *testing.B) uint64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return uint64(u.Utime.Nano() + u.Stime.Nano())
}
