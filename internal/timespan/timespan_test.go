package timespan

import (
	"testing"
	"time"
)

func TestString(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0:00", 5*time.Second + 999*time.Millisecond: "0:05",
		59*time.Minute + 59*time.Second: "59:59", time.Hour: "1:00:00", 2*time.Hour + 15*time.Minute: "2:15:00",
		24*time.Hour - 1: "23:59:59", 24 * time.Hour: "1d 00:00", 74*time.Hour + 15*time.Minute: "3d 02:15"} {
		if got := String(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	if Limit(0) != "none" || Limit(time.Minute) != "1:00" {
		t.Errorf("%s, %s", Limit(0), Limit(time.Minute))
	}
}
