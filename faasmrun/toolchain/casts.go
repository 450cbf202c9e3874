package toolchain

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// wrapCasts makes LLVM's text of a module convert floating-point numbers as compilers for x86-64 do where the integer
// type can't hold them, and returns nil where nothing converts. C leaves such casts undefined; programs count on what
// their own machine gives them:
//
//   - (uint8_t)-3.0f is 253: the number becomes a signed integer of 32 bits, or of 64 for uint32_t, and is cut.
//     WebAssembly has conversions to unsigned integers, which give 0 for what is negative; LLVM takes those.
//   - (int)(uint8_t)300.5f is 44. By itself LLVM takes a cast to 8 or 16 bits for one that always fits, and leaves out
//     the cut: a uint8_t would be 300, and an int8_t 200, as long as it is in no memory.
//   - (uint64_t)-3.0 is 2^64-3: below 2^63 the conversion is the signed one, and the rest's that of 2^63 less.
//
// Conversions of vectors to uint32_t, which LLVM makes of loops, are the signed ones for negative numbers and else what
// they were: vectors have none to 64 bits.
func wrapCasts(module []byte) []byte {
	if !bytes.Contains(module, []byte(toUnsigned)) && !bytes.Contains(module, []byte(toSigned)) {
		return nil
	}
	var out bytes.Buffer
	w := &casts{}
	for line := range bytes.Lines(module) {
		if bytes.Contains(line, []byte(toUnsigned)) || bytes.Contains(line, []byte(toSigned)) {
			if m := castLine.FindSubmatch(line); m != nil && w.wrap(&out, m) {
				continue
			}
		}
		out.Write(line)
	}
	if w.n == 0 {
		return nil
	}
	return out.Bytes()
}

const (
	toUnsigned = " = fptoui "
	toSigned   = " = fptosi "
)

// castLine is a conversion: result, u or s, lanes, type, number, bits, metadata. A vector that is written out stays as
// it is; LLVM has computed it before.
var castLine = regexp.MustCompile(`^  (` + irName + `) = fpto([us])i (<(\d+) x )?(float|double|fp128)>? (` + irName +
	`) to (?:<\d+ x )?i(8|16|32|64)>?((?:, ![\w.]+ ![\w.]+)*)\s*$`)

// twoTo63 is that number in each type.
var twoTo63 = map[string]string{"float": "0x43E0000000000000", "double": "0x43E0000000000000",
	"fp128": "0xL0000000000000000403E000000000000"}

// casts counts the casts of a module that were rewritten.
type casts struct{ n int }

// wrap writes a conversion anew. It reports whether it did: others may stay as they are.
func (w *casts) wrap(out *bytes.Buffer, match [][]byte) bool {
	unsigned, vector, number := match[2][0] == 'u', len(match[3]) > 0, string(match[6])
	result, kind, metadata := string(match[1]), string(match[5]), string(match[8])
	lanes, _ := strconv.Atoi(string(match[4]))
	of := func(kind string) string {
		if vector {
			return fmt.Sprintf("<%d x %s>", lanes, kind)
		}
		return kind
	}
	bits := string(match[7])
	integer := of("i" + bits)
	part := 0
	write := func(format string, args ...any) (value string) {
		part++
		value = fmt.Sprintf("%%wrapped.cast.%d.%d", w.n, part)
		fmt.Fprintf(out, "  %s = %s%s\n", value, fmt.Sprintf(format, args...), metadata)
		return value
	}
	end := func(format string, args ...any) bool {
		fmt.Fprintf(out, "  %s = %s%s\n", result, fmt.Sprintf(format, args...), metadata)
		w.n++
		return true
	}
	cut := func(wide string) bool {
		return end("trunc %s %s to %s", wide, write("fptosi %s %s to %s", of(kind), number, wide), integer)
	}
	switch {
	case bits == "8" || bits == "16":
		return cut(of("i32"))
	case unsigned && bits == "32" && vector:
		low := write("fptosi %s %s to %s", of(kind), number, integer)
		high := write("fptoui %s %s to %s", of(kind), number, integer)
		negative := write("fcmp olt %s %s, zeroinitializer", of(kind), number)
		return end("select %s %s, %s %s, %s %s", of("i1"), negative, integer, low, integer, high)
	case unsigned && bits == "32":
		return cut(of("i64"))
	case unsigned: // 2^63 is taken from what has it, and put back
		top := constant(twoTo63[kind], kind, lanes)
		small := write("fcmp olt %s %s, %s", of(kind), number, top)
		less := write("select %s %s, %s zeroinitializer, %s %s", of("i1"), small, of(kind), of(kind), top)
		rest := write("fptosi %s %s to %s", of(kind), write("fsub %s %s, %s", of(kind), number, less), integer)
		back := write("select %s %s, %s zeroinitializer, %s %s", of("i1"), small, integer, integer,
			constant("-9223372036854775808", "i64", lanes))
		return end("xor %s %s, %s", integer, rest, back)
	}
	return false
}

// constant is a number, or a vector of it.
func constant(number, kind string, lanes int) string {
	if lanes == 0 {
		return number
	}
	return "<" + strings.TrimSuffix(strings.Repeat(kind+" "+number+", ", lanes), ", ") + ">"
}

// mayConvert reports whether the code of an object may convert floating-point numbers to integers, so that wrapCasts
// has to see the text of it.
func mayConvert(object string) bool {
	data, err := os.ReadFile(object)
	if err != nil {
		return false
	}
	m, err := wasm.Decode(data)
	if err != nil {
		return true // who can't read it can't say
	}
	for _, i := range m.Imports {
		if i.Kind == wasm.KindFunction && strings.HasPrefix(i.Name, "__fix") { // of long double, in compiler-rt
			return true
		}
	}
	r := wasm.NewReader(nil)
	for i := range m.Functions {
		r.Reset(m.Functions[i].Body)
		for r.Next() {
			if op := r.Instr.Op; op > 0xff && strings.Contains(op.String(), ".trunc_sat_") {
				return true
			}
		}
		if r.Err() != nil {
			return true
		}
	}
	return false
}
