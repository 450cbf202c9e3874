package toolchain

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAsGlibc runs programs that print what glibc on x86-64 gives: the file beside each is its output there.
func TestAsGlibc(t *testing.T) {
	bin := launcher(t)
	data, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"random"} {
		t.Run(name, func(t *testing.T) {
			source := filepath.Join(data, name+".c")
			want, err := os.ReadFile(filepath.Join(data, name+".out"))
			if err != nil {
				t.Fatal(err)
			}
			l := newLab(t)
			l.ok("cc", "-O2", "-Wall", "-Wextra", "-Werror", source)
			status, stdout, stderr := execute(t, bin, "./a.out")
			if status != 0 || stdout != string(want) {
				t.Errorf("status %d\n%s%s", status, difference(stdout, string(want)), stderr)
			}
			if got := native(t, source); got != string(want) {
				t.Errorf("natively:\n%s", difference(got, string(want)))
			}
		})
	}
}

// difference shows the lines in which two outputs differ.
func difference(got, want string) string {
	var b strings.Builder
	a, c := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(c)) {
		var left, right string
		if i < len(a) {
			left = a[i]
		}
		if i < len(c) {
			right = c[i]
		}
		if left != right {
			b.WriteString("got  " + left + "\nwant " + right + "\n")
		}
	}
	return b.String()
}
