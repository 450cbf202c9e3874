package translate

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// vectorForms are the vector instructions without immediates, each of which is a function of c/vector.h by its name.
func vectorForms() map[string]form {
	all := map[string]form{}
	for op := wasm.OpI8x16Splat - 1; op <= lastVector; op++ {
		name := op.String()
		takes, gives, known := vectorTypes(name)
		if !known || op >= wasm.OpI8x16Splat+6 && op <= lastLane || op >= firstMemoryLane && op <= lastMemoryLane+2 {
			continue
		}
		pieces := []string{strings.ReplaceAll(name, ".", "_") + "("}
		for range takes - 1 {
			pieces = append(pieces, ",")
		}
		all[name] = form{t: gives, pieces: append(pieces, ")"), quiets: quietsVector(name)}
	}
	return all
}

// Where groups of vector instructions begin and end.
const (
	firstLane       = wasm.OpV128Load + 0x15
	lastLane        = wasm.OpV128Load + 0x22
	firstMemoryLane = wasm.OpV128Load + 0x54
	lastMemoryLane  = wasm.OpV128Store64Lane
	firstZero       = wasm.OpV128Load + 0x5c
	lastVector      = wasm.OpV128Load + 0xff
	shuffle         = wasm.OpV128Const + 1
)

// vectorTypes says how many operands an instruction of some name takes and what it gives, and reports whether there is
// one.
func vectorTypes(name string) (takes int, gives wasm.ValueType, known bool) {
	_, what, known := strings.Cut(name, ".")
	switch {
	case !known || strings.HasPrefix(name, "instruction"):
		return 0, 0, false
	case what == "all_true", what == "any_true", what == "bitmask":
		return 1, wasm.I32, true
	case what == "bitselect":
		return 3, wasm.V128, true
	}
	for _, one := range []string{"splat", "not", "neg", "abs", "popcnt", "ceil", "floor", "trunc", "nearest", "sqrt",
		"extend_", "extadd_", "convert_", "trunc_sat_", "demote_", "promote_"} {
		if what == one || strings.HasSuffix(one, "_") && strings.HasPrefix(what, one) {
			return 1, wasm.V128, true
		}
	}
	return 2, wasm.V128, true
}

// quietsVector reports whether an instruction makes quiet NaNs of signalling ones.
func quietsVector(name string) bool {
	shape, what, _ := strings.Cut(name, ".")
	switch what {
	case "add", "sub", "mul", "div", "sqrt", "ceil", "floor", "trunc", "nearest", "min", "max":
		return shape[0] == 'f'
	}
	return strings.HasPrefix(what, "demote_") || strings.HasPrefix(what, "promote_")
}

// vectorLoads are the loads that widen lanes.
var vectorLoads = [...]struct{ memory, to string }{
	{"i8x8", "i16x8"}, {"u8x8", "u16x8"}, {"i16x4", "i32x4"}, {"u16x4", "u32x4"}, {"i32x2", "i64x2"}, {"u32x2", "u64x2"},
}

// laneTypes are those of one lane of 1, 2, 4 and 8 bytes.
var laneTypes = [...]string{"u8", "u16", "u32", "u64"}

// laneShapes are the vectors of such lanes, by whose names instructions are called.
var laneShapes = [...]string{"i8x16", "i16x8", "i32x4", "i64x2"}

// extracts are the instructions from firstLane on: what the vector is seen as, and the cast of what is taken. One
// without puts a lane in its position.
var extracts = [...]struct {
	shape, cast string
	t           wasm.ValueType
}{
	{"i8x16", "(u32)", wasm.I32}, {"u8x16", "(u32)", wasm.I32}, {shape: "i8x16"},
	{"i16x8", "(u32)", wasm.I32}, {"u16x8", "(u32)", wasm.I32}, {shape: "i16x8"},
	{"u32x4", "(u32)", wasm.I32}, {shape: "i32x4"}, {"u64x2", "(u64)", wasm.I64}, {shape: "i64x2"},
	{"f32x4", "(f32)", wasm.F32}, {shape: "f32x4"}, {"f64x2", "(f64)", wasm.F64}, {shape: "f64x2"},
}

// vector translates vector instructions with immediates, and reports whether the instruction was one.
func (f *function) vector(in *wasm.Instr) bool {
	op := in.Op
	if op < wasm.OpV128Load || op > lastVector {
		return false
	}
	f.vectors = true
	switch {
	case op <= wasm.OpV128Store || op >= firstMemoryLane && op < firstZero+2:
		f.vectorAccess(in)
	case op == wasm.OpV128Const:
		low, high := binary.LittleEndian.Uint64(in.Vector[:]), binary.LittleEndian.Uint64(in.Vector[8:])
		f.stack.push(value{text: fmt.Sprintf("((v128){%dul,%dul})", low, high), t: wasm.V128, constant: true, bits: low,
			high: high})
		f.bound()
	case op == shuffle:
		text := ")"
		for _, lane := range in.Vector {
			text += "," + strconv.Itoa(int(lane))
		}
		f.push(wasm.V128, slices.Clone(f.stack.take(2)), "((v128)__builtin_shufflevector((u8x16)", ",(u8x16)",
			text[1:]+"))")
	case op >= firstLane && op <= lastLane:
		x, lane := extracts[op-firstLane], strconv.Itoa(int(in.Lane))
		if x.cast != "" {
			f.push(x.t, slices.Clone(f.stack.take(1)), "("+x.cast+"(("+x.shape+")", ")["+lane+"])")
		} else {
			f.push(wasm.V128, slices.Clone(f.stack.take(2)), x.shape+"_replace_lane(", ","+lane+",", ")")
		}
	default:
		return false
	}
	return true
}

// vectorAccess translates loads and stores of vectors, and of one lane.
func (f *function) vectorAccess(in *wasm.Instr) {
	op := in.Op
	whole := access{wasm.V128, "v128", ""}
	switch {
	case op == wasm.OpV128Load:
		f.load(whole, f.address(in, f.stack.pop()), false) // nobody waits for a vector
	case op == wasm.OpV128Store:
		v := f.stack.pop()
		address := f.address(in, f.stack.pop())
		f.locate()
		f.put("STORE(v128,", address, ",", v.text, ");\n")
	case op < wasm.OpV128Load+7:
		l := vectorLoads[op-wasm.OpV128Load-1]
		f.loadAs(l.memory, in, "(v128)CONVERT(", ","+l.to+")")
	case op < wasm.OpV128Store:
		k := op - wasm.OpV128Load - 7
		f.loadAs(laneTypes[k], in, laneShapes[k]+"_splat(", ")")
	case op >= firstZero:
		f.loadAs(laneTypes[2+op-firstZero], in, "((v128){", ",0})")
	case op < wasm.OpV128Store8Lane:
		k := op - firstMemoryLane
		v := f.stack.pop()
		f.loadAs(laneTypes[k], in, fmt.Sprintf("%s_replace_lane(%s,%d,", laneShapes[k], v.text, in.Lane), ")")
	default:
		k := op - wasm.OpV128Store8Lane
		v := f.stack.pop()
		address := f.address(in, f.stack.pop())
		f.locate()
		lane := ")[" + strconv.Itoa(int(in.Lane)) + "]);\n"
		f.put("STORE(", laneTypes[k], ",", address, ",((u", laneShapes[k][1:], ")", v.text, lane)
	}
}

// loadAs reads memory and makes a vector of it.
func (f *function) loadAs(memory string, in *wasm.Instr, before, behind string) {
	address := f.address(in, f.stack.pop())
	f.locate()
	if f.dropped {
		f.touch(memory, address, wasm.V128)
		return
	}
	f.result(wasm.V128, before+"LOAD("+memory+","+address+")"+behind)
}
