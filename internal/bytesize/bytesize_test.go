package bytesize

import "testing"

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
