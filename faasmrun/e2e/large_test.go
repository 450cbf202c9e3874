package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/faasmrun/faasmrun/worker/engine/native/clang"
)

// TestLarge runs what only the native engine has the memory for: a rank of 12 GiB that touches little of it, and
// messages, types and collectives of more than 4 GiB between two ranks, which take 9 GiB of the machine's memory and
// minutes: FAASMRUN_LARGE=1 (make large).
func TestLarge(t *testing.T) {
	if os.Getenv("FAASMRUN_LARGE") == "" {
		t.Skip("it takes 9 GiB of memory: FAASMRUN_LARGE=1")
	}
	if _, err := clang.Find(t.Context(), os.Getenv("PATH"), ""); err != nil {
		t.Skip("there is no C compiler for machine code:", err)
	}
	home := testHome(t)
	faasmrun := filepath.Join(buildTree(t), "faasmrun")
	for name, options := range map[string][]string{"memory": {"-np", "1", "--mem-per-rank", "16G"},
		"messages": {"-np", "2", "--mem-per-rank", "6G"}} {
		t.Run(name, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), name+".wasm")
			run := func(args ...string) []byte {
				t.Helper()
				command := exec.Command(faasmrun, args...)
				command.Env = append(os.Environ(), "FAASMRUN_HOME="+home)
				command.Stderr = os.Stderr
				out, err := command.Output()
				if err != nil {
					t.Fatalf("%v: %v\n%s", args, err, out)
				}
				return out
			}
			run("cc", "-O1", "-Wall", "-Werror", "-o", program, "testdata/large/"+name+".c")
			if out := run(append(options, "--engine", "native", program)...); string(out) != "0 wrong\n" {
				t.Errorf("%s", out)
			}
		})
	}
}
