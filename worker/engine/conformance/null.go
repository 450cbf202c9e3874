package conformance

import (
	"errors"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/program"
)

// marked is a module that has nothing in its first 4 KiB, and says so.
func marked(file []byte) []byte { return wasm.MarkLowest(file, wasm.NullPage) }

// instantiateFile makes an instance of a module with so much memory, with or without that.
func instantiateFile(t testing.TB, file []byte) (engine.Instance, *host) {
	t.Helper()
	m, err := engine.Make(newEngine(t, engine.Options{}), file)
	if err != nil {
		t.Fatal(err)
	}
	mem := memory(t, m, 1<<20)
	h := &host{t: t, lowest: mem.Lowest()}
	if h.instance, err = m.Instantiate(h, mem); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.instance.Close(); err != nil {
			t.Error(err)
		}
	})
	return h.instance, h
}

// Instructions on a memory that has a segment of data.
func fillOf(at, n int64) []byte { return code(i32(at), i32(7), i32(n), 0xfc, 11, 0) }
func copyOf(to, from, n int64) []byte {
	return code(i32(to), i32(from), i32(n), 0xfc, 10, 0, 0)
}
func load(at int64, op int, offset uint64) []byte {
	return code(i32(8192), i32(at), op, 0, u(offset), opI32Store, 0, 0) // an engine may leave out what nobody looks at
}

const (
	opI64Load   = 0x29
	opI64Store  = 0x37
	opI32Load8  = 0x2d
	opF64Store  = 0x39
	opI32Store8 = 0x3a
)

// testNullPointers: in a module that has nothing in its first 4 KiB, what reads or writes there is a trap of a kind of
// its own, with the same frames as others; what touches nothing there is not. In one that does not say so nothing is.
func testNullPointers(t *testing.T) {
	for _, test := range []struct {
		name  string
		body  []byte
		traps bool
	}{
		{"load", load(0, opI32Load, 0), true},
		{"member", load(0, opI32Load8, 4095), true},
		{"last byte", load(4095, opI32Load8, 0), true},
		{"first byte behind", load(4096, opI32Load8, 0), false},
		{"member behind", load(8, opI32Load, 4096), false},
		{"across the end", code(i32(8192), i32(4092), opI64Load, 0, 0, opI64Store, 0, 0), true},
		{"vector", code(i32(8192), i32(4090), 0xfd, 0, 0, 0, 0xfd, 11, 0, 0), true},
		{"store", code(i32(16), i32(1), opI32Store, 2, 0), true},
		{"store of a byte", code(i32(1), i32(1), opI32Store8, 0, 0), true},
		{"store of a double", code(i32(8), opF64Const, 0, 0, 0, 0, 0, 0, 0, 0, opF64Store, 3, 8), true},
		{"store behind", code(i32(4096), i32(1), opI32Store, 2, 0), false},
		{"behind a call", code(opCall, 0, load(0, opI32Load, 0)), true},
		{"fill", fillOf(0, 1), true},
		{"long fill", fillOf(4095, 20000), true},
		{"fill of nothing", fillOf(0, 0), false},
		{"fill behind", fillOf(4096, 4096), false},
		{"copy there", copyOf(8, 5000, 100), true},
		{"copy from there", copyOf(5000, 8, 100), true},
		{"long copy there", copyOf(4000, 20000, 9000), true},
		{"long copy from there", copyOf(20000, 4000, 9000), true},
		{"copy of nothing", copyOf(0, 8, 0), false},
		{"init", code(i32(64), i32(0), i32(4), 0xfc, 8, 0, 0), true},
		{"init of nothing", code(i32(64), i32(0), i32(0), 0xfc, 8, 0, 0), false},
		{"init behind", code(i32(8192), i32(0), i32(4), 0xfc, 8, 0, 0), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, nothing := range []bool{true, false} {
				p := inner("f", test.body)
				p.imports, p.table = []program.Import{env("nothing")}, nil
				p.funcs[0].body, p.funcs[1].body = code(opCall, 2), code(opCall, 3)
				p.passive = []byte("DATA")
				file := p.wasm()
				if nothing {
					file = marked(file)
				}
				in, _ := instantiateFile(t, file)
				err := in.Start()
				if !nothing || !test.traps {
					if err != nil {
						t.Errorf("marked: %t: %v", nothing, err)
					}
					continue
				}
				var trap *program.Trap
				if !errors.As(err, &trap) || trap.Kind != program.NullPointer || trap.Signal() != 11 ||
					!strings.HasPrefix(trap.Error(), "access through a null pointer\n    at ") {
					t.Fatalf("%v", err)
				}
				// an engine's own fill may be a function
				if frames := strings.TrimPrefix(strings.Join(trap.Frames, " "), "memory.fill "); frames != "f main _start" {
					t.Errorf("frames %v", trap.Frames)
				}
			}
		})
	}
}
