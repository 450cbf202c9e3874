package program

import (
	"os"
	"testing"
	"time"
)

// inlining is testdata/inlining.c, compiled by clang -O1 -g.
func inlining(t testing.TB) []byte {
	t.Helper()
	file, err := os.ReadFile("testdata/inlining.wasm")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// sourceOf is what is kept of a module for its lines.
func sourceOf(t testing.TB, file []byte) *kept {
	t.Helper()
	p := prepared(t, file, Target{})
	k := p.source.kept()
	if k == nil {
		t.Fatal("no source")
	}
	return k
}

// FuzzLines damages debug information: it may cost lines, and time up to its bound.
func FuzzLines(f *testing.F) {
	whole := sourceOf(f, inlining(f))
	for _, name := range []string{"debug_info", "debug_line", "debug_abbrev", "debug_str"} {
		f.Add(name, uint16(20), whole.sections[name])
	}
	f.Fuzz(func(t *testing.T, name string, at uint16, data []byte) {
		s := &kept{sections: map[string][]byte{}, code: whole.code, bodies: whole.bodies}
		for n, d := range whole.sections {
			s.sections[n] = d
		}
		s.sections[name] = data
		begin := time.Now()
		s.lines([]uint64{uint64(at), uint64(whole.bodies[0]) + 20})
		if took := time.Since(begin); took > 10*linesTime {
			t.Errorf("took %v", took)
		}
	})
}
