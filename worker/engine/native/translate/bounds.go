package translate

import (
	"fmt"
	"strconv"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// Where addresses have 64 bits, each is held against a bound, but for those of which it is known that they are a little
// above one that was: a[i], a[i+1] and so on of an unrolled loop are one comparison, as all that is reserved behind the
// bound traps. Where they come in falling order, and nothing is between them that could end the program in another way
// or be seen from outside, the first comparison becomes that of the least one: it traps a few loads and stores early.
// Known is what was computed since the last label: that a value is another one plus a constant.

// sum is a value as one that has a number, plus a constant. Number 0 is of nothing known.
type sum struct {
	number int
	plus   uint64
}

// knowledge is what is known since the last label.
type knowledge struct {
	numbers int
	epoch   int
	run     int     // of loads and stores that nothing else is between
	locals  []known // by local
	checked map[int]check
}

// check is a comparison of a numbered value, plus a constant, with the bound.
type check struct {
	least uint64 // the constant
	plus  uint64 // what it was when the comparison was written
	at    int    // where the C has the difference of the two
	run   int
}

type known struct {
	epoch int
	sum
	set    bool // since the last label
	varies bool // the value that it was set to
}

// forget is for labels: control comes from elsewhere too.
func (k *knowledge) forget() {
	k.epoch++
	k.run++
	clear(k.checked)
}

func (k *knowledge) fresh() sum {
	k.numbers++
	return sum{number: k.numbers}
}

// local is what a local holds.
func (k *knowledge) local(index uint32) sum {
	l := &k.locals[index]
	if l.epoch != k.epoch {
		*l = known{epoch: k.epoch, sum: k.fresh()}
	}
	return l.sum
}

// set notes that a local takes a value.
func (k *knowledge) set(index uint32, s sum, varies bool) {
	if s.number == 0 {
		s = k.fresh()
	}
	k.locals[index] = known{k.epoch, s, true, varies}
}

// add notes the sum that an addition gives, where one operand is a constant.
func add(op wasm.Opcode, operands []value) sum {
	if op != wasm.OpI64Add {
		return sum{}
	}
	a, b := &operands[0], &operands[1]
	if a.constant {
		a, b = b, a
	}
	if !b.constant || a.constant || a.sum.number == 0 {
		return sum{}
	}
	return sum{a.sum.number, a.sum.plus + b.bits}
}

// Bounds of differences between addresses of which one is held against the bound: how far behind it all is reserved and
// nothing is mapped, and how far the comparison may go below the first access.
const (
	reserved = 1 << 36 // RESERVED of c/prelude.h
	guarded  = 1 << 32
	below    = 1 << 16
)

// safe reports whether an access traps by itself where it must: its index is above one that was held against the bound,
// and ends in what is reserved behind it.
func (f *function) safe(s sum, offset uint64) bool {
	c, known := f.known.checked[s.number]
	if !known {
		return false
	}
	// Differences are of numbers below 2^64: what is below is far above.
	if up := s.plus - c.least; up < guarded && up+offset < guarded {
		return true
	}
	if c.run != f.known.run || c.least-s.plus > below || c.plus-s.plus > below {
		return false
	}
	c.least = s.plus
	copy(f.code[c.at:], difference(c))
	f.known.checked[s.number] = c
	return true
}

// difference is what is added to the index for the comparison, in as many bytes for every number.
func difference(c check) string { return fmt.Sprintf("%6dl", int64(c.least-c.plus)) }

// address is where an access goes. It compares the index with the bound first, where that must be.
func (f *function) address(in *wasm.Instr, index value) string {
	offset := strconv.FormatUint(in.Memory.Offset, 10) + "ul)"
	if f.rounds != nil {
		if p, covered := f.rounds.free[in.Start]; covered {
			text := index.text
			if !p.spreads {
				text = f.rounds.address(p)
			}
			return "A_SAFE(" + text + "," + offset
		}
	}
	switch {
	case !f.t.memory64:
		return "A(" + index.text + "," + offset
	case in.Memory.Offset >= guarded:
		return "A_FAR(" + index.text + "," + offset
	case index.constant && index.bits < reserved: // a variable of the program's
	case !f.safe(index.sum, in.Memory.Offset):
		if len(index.text) > maxTwice {
			name := f.name()
			f.put("u64 ", name, "=", index.text, ";\n")
			index.text = name
		}
		f.locate()
		f.put("CHECK(")
		c := check{least: index.sum.plus, plus: index.sum.plus, at: len(f.code), run: f.known.run}
		f.put(difference(c), ",", index.text, ");\n")
		if index.sum.number != 0 {
			f.known.checked[index.sum.number] = c
		}
	}
	return "A_SAFE(" + index.text + "," + offset
}

// maxTwice is how long an index is at most that is computed twice.
const maxTwice = 48

// joins reports whether an instruction can be in a run: it is a load, a store or a computation that can't trap.
func joins(op wasm.Opcode) bool {
	switch {
	case op >= wasm.OpLocalGet && op <= wasm.OpLocalTee, op >= wasm.OpI32Load && op <= wasm.OpF64Store+5,
		op >= wasm.OpI32Const && op <= wasm.OpF64Const, op == wasm.OpDrop, op == wasm.OpSelect, op == wasm.OpNop,
		op >= wasm.OpV128Load && op <= lastVector:
		return true
	}
	return forms[op].pieces != nil && !forms[op].traps
}
