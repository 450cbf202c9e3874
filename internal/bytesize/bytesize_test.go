package bytesize

import (
	"math"
	"strings"
	"testing"
)

func TestString(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1 << 10: "1 KiB", 1536: "1.5 KiB", 64 << 20: "64 MiB",
		4 << 30:     "4 GiB",
		300<<20 + 1: "300 MiB", 1 << 63: "8 EiB", 1<<64 - 1: "15.9 EiB"} {
		if got := String(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1024: "1.0K", 1536: "1.5K", 3 << 30: "3.0G",
		1<<64 - 1: "16.0E"} {
		if got := Short(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "65536": 65536, "12B": 12, "64K": 64 << 10, "1m": 1 << 20,
		"512MB": 512 << 20, "2GiB": 2 << 30, "1.5G": 3 << 29, "0.5kib": 512, "9T": 9 << 40, "3P": 3 << 50, "3E": 3 << 60,
		"1.999999999K": 2047, "3.999999999E": 4611686017274466399, "4611686018427387903": 1<<62 - 1} {
		if got, ok := Parse(text); !ok || got != want {
			t.Errorf("%q is %d, %t, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "M", "-1G", "+1G", "1X", "NaN", "1GG", "1BK", "1KBB", "1iB", ".5G", "1.G",
		"1.0000000001G",
		"1e3", "0x10", "1_000", " 1", "4E", "4611686018427387904", "99999999999999999999", "1.-5G"} {
		if got, ok := Parse(text); ok {
			t.Errorf("%q was taken as %d", text, got)
		}
	}
}

// FuzzParse: whatever is typed, the parser returns, and what String has written it reads back to a tenth.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"1.5GiB", "64k", "4E", "0.1B"} {
		f.Add(text, uint64(1)<<40)
	}
	f.Fuzz(func(t *testing.T, text string, n uint64) {
		if got, ok := Parse(text); ok && got >= end {
			t.Errorf("%q is %d", text, got)
		}
		if n >= end {
			return
		}
		written := strings.ReplaceAll(String(n), " ", "")
		if got, ok := Parse(written); !ok || got > n || float64(got) < math.Floor(float64(n)*0.9) {
			t.Errorf("%d is written %s and read %d, %t", n, written, got, ok)
		}
	})
}
