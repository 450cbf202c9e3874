package worker

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
)

// hostile is a module whose one function holds n times the same instructions.
func hostile(n int, instructions ...byte) []byte {
	body := append(bytes.Repeat(instructions, n), byte(wasm.OpEnd))
	m := &wasm.Module{Types: []wasm.FuncType{{}}, Memories: []wasm.Limits{{Min: 1}},
		Functions: []wasm.Function{{Locals: []wasm.Locals{{Count: 2, Type: wasm.I32}}, Body: body}},
		Exports:   []wasm.Export{{Name: "_start", Kind: wasm.KindFunction}, {Name: "memory", Kind: wasm.KindMemory}}}
	m.SetNames(&wasm.Names{Functions: map[uint32]string{0: "giant"}})
	return m.Encode()
}

// straight is code that wazero needs much memory for: a load, an addition and a store.
var straight = []byte{0x41, 0, 0x41, 0, 0x28, 2, 0, 0x20, 0, 0x6a, 0x36, 2, 0}

// What takes too much to compile is refused, by the name of its function and what was being done.
func TestCompilingIsBounded(t *testing.T) {
	for _, c := range []struct {
		name   string
		module []byte
		memory int64
		want   []string
	}{
		{"one giant function", hostile(3_000_000, 0x41, 0, 0x1a), 0,
			[]string{"giant has 9.0 MB of code, more than the 4.2 MB that one function may have", "-O1"}},
		{"memory", hostile(100_000, straight...), 256 << 20,
			[]string{"compiling it to machine code takes more than the 256 MiB of memory that it may", "giant (1.3 MB of code)",
				"-O1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if raceDetector && c.memory != 0 {
				t.Skip("the race detector alone needs more memory than the child gets")
			}
			b := newBench(t, func(c *Config) { c.CacheDir = t.TempDir() })
			b.worker.modules.memory = c.memory
			o := b.run(interactive(&schedpb.App{ModuleSha256: b.put(c.module), Program: "hostile.wasm", Dir: t.TempDir(),
				Ranks: 1}))
			if o.End.State != "F" || o.End.ExitCode != 1 {
				t.Errorf("ended %v", o.End)
			}
			for _, want := range c.want {
				if !strings.Contains(o.End.Reason, want) {
					t.Errorf("the reason lacks %q: %s", want, o.End.Reason)
				}
			}
		})
	}
}

// What the watch is too late for, the kernel refuses, and that is no crash that anybody should report.
func TestCompilerWithoutMemory(t *testing.T) {
	for _, words := range []string{"fatal error: runtime: out of memory: cannot allocate 4194304-byte block",
		"fatal error: runtime: cannot allocate memory"} {
		script := filepath.Join(t.TempDir(), "compiler")
		if err := os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\necho '%s' >&2\nexit 2\n", words), 0o755); err != nil {
			t.Fatal(err)
		}
		m := &modules{executable: script}
		if err := m.compile(t.Context(), "", "", control.ForWazero); err == nil ||
			!strings.Contains(err.Error(), "more memory than the system gives") {
			t.Errorf("%s: %v", words, err)
		}
	}
}
