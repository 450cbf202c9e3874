package profile

import (
	"bytes"
	"reflect"
	"testing"
)

func job(ranks ...int) *Job {
	j := &Job{Version: Version}
	for _, n := range ranks {
		j.Ranks = append(j.Ranks, Rank{Rank: n, Program: "a.wasm", Wall: 5, Regions: []Region{{Place: Place{"f", "a.c", "7"},
			Count: 2, Threads: 4, Time: 10, Mean: 3, Longest: 4, Barrier: 1, Critical: 2, Other: 3, Held: 4}},
			Waits: []Wait{{Construct: "critical", Count: 3, Time: 9, Held: 8}}})
	}
	return j
}

func TestForm(t *testing.T) {
	first, second := job(2, 3), job(0)
	got, err := Decode(append(job(9).Encode(), first.Encode()...)) // that of the run before counts no more
	if err != nil || !reflect.DeepEqual(got, first) {
		t.Fatalf("%+v, %v", got, err)
	}
	got.Merge(second)
	if want := job(0, 2, 3); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	for _, wrong := range []string{"", "{", `{"version":2}`, `{"version":1} x`, "7"} {
		if j, err := Decode([]byte(wrong)); err == nil {
			t.Errorf("%q is %+v", wrong, j)
		}
	}
}

func TestImbalance(t *testing.T) {
	for _, c := range []struct {
		region Region
		want   float64
	}{{Region{Mean: 3, Longest: 4}, 0.25}, {Region{Mean: 4, Longest: 4}, 0}, {Region{}, 0}} {
		if got := c.region.Imbalance(); got != c.want {
			t.Errorf("%+v: %v", c.region, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(job(0, 1).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if j, err := Decode(b); err == nil {
			again, err := Decode(j.Encode())
			if err != nil || !bytes.Equal(again.Encode(), j.Encode()) {
				t.Errorf("%+v, %v", again, err)
			}
		}
	})
}
