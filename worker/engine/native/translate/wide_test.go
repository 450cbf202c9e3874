package translate

import (
	"errors"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/program"
)

// TestWideAddresses reads at addresses of 64 bits about every bound there is, one access alone and several of one
// index, where one is compared: what is in memory is read, all else traps, at the access or at one in front of it.
func TestWideAddresses(t *testing.T) {
	offsets := []uint64{0, 8, 65528, 1<<32 - 1, 1 << 32, 1 << 36, 1<<64 - 8}
	read := func(offset uint64, plus ...int64) *wasm.Module {
		m := single([]wasm.ValueType{wasm.I64}, []wasm.ValueType{wasm.I64}, func(c *wasm.Code) {
			for i, p := range plus {
				c.Index(wasm.OpLocalGet, 0)
				if p != 0 {
					c.I64(p)
					c.Op(wasm.OpI64Add)
				}
				c.Memory(wasm.OpI64Load, wasm.MemArg{Offset: offset})
				if i > 0 {
					c.Op(wasm.OpI64Add)
				}
			}
		})
		m.Memories = []wasm.Limits{{Min: 1, Max: 1, HasMax: true, Is64: true}}
		return m
	}
	type load struct {
		offset uint64
		plus   []int64
	}
	var loads []load
	for _, offset := range offsets {
		loads = append(loads, load{offset, []int64{0}})
	}
	for _, plus := range [][]int64{{0, 8, 16}, {16, 8, 0}, {0, -8}, {8, -8, 24}, {0, 1 << 31}, {0, 1 << 33},
		{0, -1 << 17}, {1 << 40, 0}, {0, 1 << 36}} {
		loads = append(loads, load{0, plus}, load{8, plus})
	}
	var modules []*wasm.Module
	for _, l := range loads {
		modules = append(modules, read(l.offset, l.plus...))
	}
	p := start(t, library(t, modules))
	for i, l := range loads {
		in, err := p.instantiate(i, modules[i], nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, index := range []uint64{0, 1, 8, 16, 65512, 65520, 65528, 65529, 65536, 1 << 32, 1<<32 + 8, 1<<36 - 8,
			1<<36 - 1, 1 << 36, 1 << 37, 1 << 63, 1<<64 - 8, 1<<64 - 16, 1<<64 - 1<<32, 1<<64 - 1<<36, 1<<64 - 1} {
			inside := true
			for _, plus := range l.plus {
				at := index + uint64(plus)
				inside = inside && at <= 65528 && l.offset <= 65528-at
			}
			_, err := in.call("f", index)
			var trap errTrap
			switch {
			case inside && err != nil:
				t.Errorf("offset %#x, index %#x plus %d: %v", l.offset, index, l.plus, err)
			case !inside && (!errors.As(err, &trap) || trap.kind != program.OutOfBounds):
				t.Errorf("offset %#x, index %#x plus %d: %v and no trap", l.offset, index, l.plus, err)
			}
		}
	}
}

// TestLocations: a trap says its function and where in the body it is.
func TestLocations(t *testing.T) {
	var c wasm.Code
	c.Index(wasm.OpLocalGet, 0)
	c.Index(wasm.OpLocalGet, 0)
	at := len(c)
	c.Op(wasm.OpI32Xor + 0x6e - 0x73) // i32.div_u
	c.Op(wasm.OpDrop)
	c.Op(wasm.OpUnreachable)
	c.Op(wasm.OpEnd)
	m := single([]wasm.ValueType{wasm.I32}, nil, func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, 0)
		c.Index(wasm.OpCall, 1)
	})
	m.Functions = append(m.Functions, wasm.Function{Body: wasm.Expr(c)})
	p := start(t, library(t, []*wasm.Module{m}))
	in, err := p.instantiate(0, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	for argument, want := range map[uint64]errTrap{0: {program.DivideByZero, 1<<32 | uint64(at+1)},
		1: {program.Unreachable, 1<<32 | uint64(at+3)}} {
		if _, err := in.call("f", argument); err != want {
			t.Errorf("of %d: %v and not %v", argument, err, want)
		}
	}
}

// TestAtomicsThatChangeNothing: an access that leaves the memory as it is and of which nothing comes is made all the
// same, and traps where it must.
func TestAtomicsThatChangeNothing(t *testing.T) {
	access := func(op wasm.Opcode, operands int, align uint32) *wasm.Module {
		m := single([]wasm.ValueType{wasm.I32}, nil, func(c *wasm.Code) {
			c.Index(wasm.OpLocalGet, 0)
			for range operands {
				c.I64(0)
			}
			c.Memory(op, wasm.MemArg{Align: align})
			c.Index(wasm.OpLocalSet, 1)
		})
		m.Functions[0].Locals = []wasm.Locals{{Count: 1, Type: wasm.I64}}
		m.Memories = []wasm.Limits{{Min: 1, Max: 1, HasMax: true}}
		return m
	}
	const load8, or16, add64, exchange64 = firstAtomicLoad + 4, firstAtomicRMW + 3*7 + 5, firstAtomicRMW + 1,
		firstAtomicExchange + 1
	modules := []*wasm.Module{access(load8, 0, 0), access(or16, 1, 1), access(add64, 1, 3), access(exchange64, 2, 3)}
	p := start(t, library(t, modules))
	for i, m := range modules {
		in, err := p.instantiate(i, m, nil)
		if err != nil {
			t.Fatal(err)
		}
		var trap errTrap
		if _, err := in.call("f", 65536); !errors.As(err, &trap) || trap.kind != program.OutOfBounds {
			t.Errorf("access %d beyond the memory: %v", i, err)
		}
		if _, err := in.call("f", 65528); err != nil {
			t.Errorf("access %d at its end: %v", i, err)
		}
	}
}
