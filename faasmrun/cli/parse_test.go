package cli

import (
	"reflect"
	"testing"
	"time"
)

func TestParseArray(t *testing.T) {
	for _, c := range []struct {
		Text     string
		indices  []uint32
		throttle uint32
		bad      bool
	}{
		{"1-3", []uint32{1, 2, 3}, 0, false}, {"0-8:4%2", []uint32{0, 4, 8}, 2, false},
		{"7,1,4-5,4", []uint32{1, 4, 5, 7}, 0, false},
		{"", nil, 0, true}, {"3-1", nil, 0, true}, {"1-9:0", nil, 0, true}, {"5:2", nil, 0, true}, {"1%0", nil, 0, true},
		{"1-20000", nil, 0, true},
		{"-1", nil, 0, true}, {"4294967296", nil, 0, true},
	} {
		indices, throttle, err := ParseArray(c.Text)
		if (err != nil) != c.bad || !c.bad && (!reflect.DeepEqual(indices, c.indices) || throttle != c.throttle) {
			t.Errorf("%q: %v %d %v", c.Text, indices, throttle, err)
		}
	}
}

func TestParseLimit(t *testing.T) {
	for text, want := range map[string]time.Duration{"30": 30 * time.Minute, "30:15": 30*time.Minute + 15*time.Second,
		"2:30:00": 150 * time.Minute, "1-12": 36 * time.Hour, "1-12:30": 36*time.Hour + 30*time.Minute,
		"90s": 90 * time.Second, "2h": 2 * time.Hour,
		"0": 0, "": 0, "-5": 0, "x": 0, "1:2:3:4": 0, "1-": 0, "0:00": 0, "99999999999": 0} {
		if got, err := ParseLimit(text); got != want || (err != nil) != (want == 0) {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
}
