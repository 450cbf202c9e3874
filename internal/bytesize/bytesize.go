// Package bytesize writes numbers of bytes for people, in one form for the messages of the scheduler, the worker and
// the launcher. It parses nothing and is exact arithmetic on integers, so that the scheduler's core may use it.
package bytesize

import "fmt"

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
