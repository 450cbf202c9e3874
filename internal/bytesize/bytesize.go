// Package bytesize writes numbers of bytes for people, and reads what they write, in one form for the messages, options
// and files of the scheduler, the worker and the launcher. It leaves to its callers what an error says. It is exact
// arithmetic on integers, so that the scheduler's core may use it.
package bytesize

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

var units = []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}

// String writes n as in "64 MiB" or "1.5 GiB": rounded down to tenths, from 100 on to whole numbers.
func String(n uint64) string {
	i, tenths := 0, uint64(0)
	for ; n >= 1024 && i < len(units)-1; i++ {
		n, tenths = n/1024, n%1024*10/1024
	}
	if tenths == 0 || n >= 100 {
		return fmt.Sprintf("%d %s", n, units[i])
	}
	return fmt.Sprintf("%d.%d %s", n, tenths, units[i])
}

// Short writes n for a table's column, as in "1.5G" or "12 B".
func Short(n uint64) string {
	at, scaled := 0, float64(n)
	for scaled >= 1024 {
		scaled /= 1024
		at++
	}
	if at == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f%c", scaled, units[at][0])
}

// end is above all sizes that are read.
const end = 1 << 62

// maxFraction is how many digits behind the point are read.
const maxFraction = 9

// Parse reads a size with a unit of 1024: 512M, 2G, 1.5GiB, 64kb, 65536. It reports whether the text is one below end.
func Parse(text string) (n uint64, ok bool) {
	digits := strings.TrimRight(text, "KMGTPEiBkmgtpeb")
	shift, ok := shiftOf(strings.ToUpper(text[len(digits):]))
	if !ok {
		return 0, false
	}
	whole, fraction, pointed := strings.Cut(digits, ".")
	n, err := strconv.ParseUint(whole, 10, 62)
	if err != nil || n >= end>>shift {
		return 0, false
	}
	n <<= shift
	if !pointed {
		return n, true
	}
	part, err := strconv.ParseUint(fraction, 10, 62)
	if err != nil || len(fraction) > maxFraction {
		return 0, false
	}
	divisor := uint64(1)
	for range fraction {
		divisor *= 10
	}
	high, low := bits.Mul64(part, 1<<shift)
	part, _ = bits.Div64(high, low, divisor)
	return n + part, true
}

// shiftOf is the power of two that a unit stands for, in upper case: K, KB and KIB are the same.
func shiftOf(unit string) (shift int, ok bool) {
	if unit == "" || unit == "B" {
		return 0, true
	}
	i := strings.IndexByte("KMGTPE", unit[0])
	return 10 * (i + 1), i >= 0 && (unit[1:] == "" || unit[1:] == "B" || unit[1:] == "IB")
}
