package translate

import (
	"math"
	"strconv"
	"strings"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// form is what an instruction that computes looks like in C: its operands stand between the pieces.
type form struct {
	t      wasm.ValueType
	pieces []string
	traps  bool
	// quiets is of an instruction that makes a quiet NaN of a signalling one.
	quiets bool
}

// forms holds those instructions that compute something of their operands and do nothing else, but may trap.
var forms = func() (all [1 << 11]form) {
	named := map[string]form{}
	for _, w := range []struct {
		t                            wasm.ValueType
		name, unsigned, signed, bits string
		least                        string
	}{
		{wasm.I32, "i32", "u32", "i32", "32", "-2147483647-1"},
		{wasm.I64, "i64", "u64", "i64", "64", "-9223372036854775807-1"},
	} {
		long := map[string]string{"32": "", "64": "l"}[w.bits]
		fill := strings.NewReplacer("$u", w.unsigned, "$s", w.signed, "$mask", "("+w.bits+"-1)", "$bits", w.bits,
			"$least", "("+w.least+")", "$name", w.name, "$long", long)
		for name, text := range integerForms {
			named[w.name+"."+name] = form{t: w.t, pieces: strings.Split(fill.Replace(text), "%")}
		}
		for name, text := range integerTests {
			named[w.name+"."+name] = form{t: wasm.I32, pieces: strings.Split(fill.Replace(text), "%")}
		}
		for name, text := range divisions {
			named[w.name+"."+name] = form{t: w.t, pieces: strings.Split(fill.Replace(text), "%"), traps: true}
		}
	}
	for _, w := range []struct {
		t            wasm.ValueType
		name, suffix string
	}{{wasm.F32, "f32", "f"}, {wasm.F64, "f64", ""}} {
		fill := strings.NewReplacer("$float", w.name, "$f", w.suffix)
		for name, text := range floatForms {
			named[w.name+"."+name] = form{t: w.t, pieces: strings.Split(fill.Replace(text), "%"), quiets: true}
		}
		for name, text := range floatMoves {
			named[w.name+"."+name] = form{t: w.t, pieces: strings.Split(fill.Replace(text), "%")}
		}
		for name, text := range floatTests {
			named[w.name+"."+name] = form{t: wasm.I32, pieces: strings.Split(text, "%")}
		}
	}
	for name, f := range conversions() {
		named[name] = f
	}
	for name, f := range vectorForms() {
		named[name] = f
	}
	for op := range wasm.Opcode(len(all)) {
		all[op] = named[op.String()]
	}
	return all
}()

// Integers, of either width. Booleans are cast, so that what follows computes with an unsigned number.
var (
	integerForms = map[string]string{
		"add": "(%+%)", "sub": "(%-%)", "mul": "(%*%)", "and": "(%&%)", "or": "(%|%)", "xor": "(%^%)",
		"shl": "(%<<(%&$mask))", "shr_s": "(($u)(($s)%>>(%&$mask)))", "shr_u": "(%>>(%&$mask))",
		"rotl": "__builtin_rotateleft$bits(%,%)", "rotr": "__builtin_rotateright$bits(%,%)",
		"clz": "$name_clz(%)", "ctz": "$name_ctz(%)", "popcnt": "(($u)__builtin_popcount$long(%))",
		"extend8_s": "(($u)(i8)%)", "extend16_s": "(($u)(i16)%)", "extend32_s": "(($u)(i64)(i32)%)",
	}
	integerTests = map[string]string{
		"eqz": "((u32)!%)", "eq": "((u32)(%==%))", "ne": "((u32)(%!=%))",
		"lt_s": "((u32)(($s)%<($s)%))", "lt_u": "((u32)(%<%))", "gt_s": "((u32)(($s)%>($s)%))", "gt_u": "((u32)(%>%))",
		"le_s": "((u32)(($s)%<=($s)%))", "le_u": "((u32)(%<=%))", "ge_s": "((u32)(($s)%>=($s)%))", "ge_u": "((u32)(%>=%))",
	}
	divisions = map[string]string{
		"div_s": "DIV_S($s,$u,%,%,$least)", "div_u": "DIV_U($u,%,%)", "rem_s": "REM_S($s,$u,%,%)", "rem_u": "REM_U($u,%,%)",
	}
)

// Floating point. Moves keep a NaN's bits.
var (
	floatForms = map[string]string{
		"add": "(%+%)", "sub": "(%-%)", "mul": "(%*%)", "div": "(%/%)", "min": "$float_min(%,%)", "max": "$float_max(%,%)",
		"ceil": "__builtin_ceil$f(%)", "floor": "__builtin_floor$f(%)", "trunc": "__builtin_trunc$f(%)",
		"nearest": "__builtin_roundeven$f(%)", "sqrt": "__builtin_sqrt$f(%)",
	}
	floatMoves = map[string]string{
		"abs": "__builtin_fabs$f(%)", "neg": "(-%)", "copysign": "__builtin_copysign$f(%,%)",
	}
	floatTests = map[string]string{
		"eq": "((u32)(%==%))", "ne": "((u32)(%!=%))", "lt": "((u32)(%<%))", "gt": "((u32)(%>%))", "le": "((u32)(%<=%))",
		"ge": "((u32)(%>=%))",
	}
)

// conversions are the instructions from one type to another.
func conversions() map[string]form {
	all := map[string]form{
		"i32.wrap_i64":        {t: wasm.I32, pieces: []string{"((u32)", ")"}},
		"i64.extend_i32_s":    {t: wasm.I64, pieces: []string{"((u64)(i32)", ")"}},
		"i64.extend_i32_u":    {t: wasm.I64, pieces: []string{"((u64)", ")"}},
		"f32.demote_f64":      {t: wasm.F32, pieces: []string{"((f32)", ")"}, quiets: true},
		"f64.promote_f32":     {t: wasm.F64, pieces: []string{"((f64)", ")"}, quiets: true},
		"i32.reinterpret_f32": {t: wasm.I32, pieces: []string{"bits_f32(", ")"}},
		"i64.reinterpret_f64": {t: wasm.I64, pieces: []string{"bits_f64(", ")"}},
		"f32.reinterpret_i32": {t: wasm.F32, pieces: []string{"f32_bits(", ")"}},
		"f64.reinterpret_i64": {t: wasm.F64, pieces: []string{"f64_bits(", ")"}},
	}
	integers := map[string]wasm.ValueType{"i32": wasm.I32, "i64": wasm.I64}
	floats := map[string]wasm.ValueType{"f32": wasm.F32, "f64": wasm.F64}
	for i, it := range integers {
		for f, ft := range floats {
			for _, sign := range []string{"s", "u"} {
				c := strings.Replace(i, "i", map[string]string{"s": "i", "u": "u"}[sign], 1)
				fits := "FITS_" + strings.ToUpper(c) + "_" + strings.ToUpper(f)
				unsigned := strings.Replace(i, "i", "u", 1)
				all[f+".convert_"+i+"_"+sign] = form{t: ft, pieces: []string{"((" + f + ")(" + c + ")", ")"}}
				all[i+".trunc_"+f+"_"+sign] = form{t: it, traps: true,
					pieces: []string{"(" + unsigned + ")TRUNC(" + c + ",", "," + fits + ")"}}
				sat := i + "_trunc_sat_" + f + "_" + sign
				all[strings.Replace(sat, "_", ".", 1)] = form{t: it, pieces: []string{sat + "(", ")"}}
			}
		}
	}
	return all
}

// compute translates an instruction that has a form.
func (f *function) compute(op wasm.Opcode, form form) {
	operands := append([]value(nil), f.stack.take(len(form.pieces)-1)...)
	if form.quiets {
		quiet(op, operands)
	}
	if form.traps {
		f.locate()
		var text strings.Builder
		varies := false
		for i, p := range form.pieces {
			text.WriteString(p)
			if i < len(operands) {
				text.WriteString(operands[i].text)
				varies = varies || operands[i].varies
			}
		}
		f.result(form.t, text.String())
		f.stack.top(1)[0].varies = varies
		return
	}
	if form.t == wasm.V128 {
		f.vectors = true
	}
	f.push(form.t, operands, form.pieces...)
	v := &f.stack.values[len(f.stack.values)-1]
	v.from, v.sum = op, add(op, operands)
}

// quiet hides from clang what it would leave out or compute itself, with another NaN than the processor's: x*1, x-0 and
// the like, operations on constants alone, and a promotion that is taken back. Compilers' modules have none of these.
func quiet(op wasm.Opcode, operands []value) {
	constants := 0
	for i := range operands {
		if operands[i].constant {
			constants++
		}
	}
	for i := range operands {
		v := &operands[i]
		back := op == demote && v.from == promote || op == promote && v.from == demote
		if back || v.constant && (constants == len(operands) || special(op, v)) {
			v.text = "OPAQUE(" + v.text + ")"
			v.constant = false
		}
	}
}

const (
	demote  = wasm.OpF32DemoteF64
	promote = wasm.OpF64PromoteF32
)

// special reports whether an operation may leave its other operand as it is where this one is a constant, in one of its
// lanes if it is a vector, or whether the constant is a NaN.
func special(op wasm.Opcode, v *value) bool {
	shape, what, _ := strings.Cut(op.String(), ".")
	for _, x := range floatsOf(shape, v) {
		negative := math.Signbit(x)
		switch {
		case x != x,
			x == 0 && negative && what != "mul" && what != "div",
			x == 0 && what == "sub",
			(x == 1 || x == -1) && (what == "mul" || what == "div"):
			return true
		}
	}
	return false
}

// floatsOf is a constant's numbers.
func floatsOf(shape string, v *value) (all []float64) {
	words := []uint64{v.bits}
	if v.t == wasm.V128 {
		words = append(words, v.high)
	}
	for _, w := range words {
		switch {
		case strings.HasPrefix(shape, "f64"):
			all = append(all, math.Float64frombits(w))
		case v.t == wasm.V128:
			all = append(all, float64(math.Float32frombits(uint32(w>>32))), float64(math.Float32frombits(uint32(w))))
		default:
			all = append(all, float64(math.Float32frombits(uint32(w))))
		}
	}
	return all
}

func float32Text(bits uint32) string {
	x := float64(math.Float32frombits(bits))
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "f32_bits(" + strconv.FormatUint(uint64(bits), 10) + "u)"
	}
	return signed(strconv.FormatFloat(x, 'x', -1, 32) + "f")
}

func float64Text(bits uint64) string {
	x := math.Float64frombits(bits)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "f64_bits(" + strconv.FormatUint(bits, 10) + "ul)"
	}
	return signed(strconv.FormatFloat(x, 'x', -1, 64))
}

// signed keeps a minus apart from what stands in front.
func signed(text string) string {
	if strings.HasPrefix(text, "-") {
		return "(" + text + ")"
	}
	return text
}
