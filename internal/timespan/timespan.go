// Package timespan writes spans of time for people, in one form for listings and screens. It parses nothing.
package timespan

import (
	"fmt"
	"time"
)

// String writes d as listings do: 0:05, 2:15:00, 3d 02:15.
func String(d time.Duration) string {
	s := int64(d / time.Second)
	switch {
	case s < 3600:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%dd %02d:%02d", s/86400, s/3600%24, s/60%60)
}

// Limit writes a bound on a span; 0 is none.
func Limit(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	return String(d)
}
