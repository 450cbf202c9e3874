package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestDataModel runs testdata/lp64: sizes, limits, formats, arithmetic and MPI's types of long are those of x86-64
// Linux, by what Open MPI printed there (lp64.N for N ranks), and where it is installed prints now.
func TestDataModel(t *testing.T) {
	const source = "testdata/lp64/lp64.c"
	home := testHome(t)
	faasmrun := filepath.Join(buildTree(t), "faasmrun")
	program := filepath.Join(t.TempDir(), "lp64.wasm")
	output := func(command *exec.Cmd) string {
		t.Helper()
		command.Env = append(os.Environ(), "FAASMRUN_HOME="+home)
		out, err := command.Output()
		if err != nil {
			t.Errorf("%v: %v", command.Args, err)
		}
		return string(out)
	}
	output(exec.Command(faasmrun, "cc", "-O2", "-Wall", "-Werror", "-o", program, source))
	native := filepath.Join(t.TempDir(), "lp64")
	compiler, err := exec.LookPath("mpicc.openmpi")
	if err == nil {
		output(exec.Command(compiler, "-o", native, source))
	} else if !errors.Is(err, exec.ErrNotFound) {
		t.Fatal(err)
	}
	for n := 1; n <= 5; n++ {
		want, err := os.ReadFile(fmt.Sprintf("testdata/lp64/lp64.%d", n))
		if err != nil {
			t.Fatal(err)
		}
		if got := output(exec.Command(faasmrun, "-np", fmt.Sprint(n), program)); got != string(want) {
			t.Errorf("on %d ranks it prints\n%s\nand not\n%s", n, got, want)
		}
		if compiler == "" {
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if got := output(exec.CommandContext(ctx, "mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "-np",
			fmt.Sprint(n), native)); got != string(want) {
			t.Errorf("natively it prints on %d ranks\n%s\nand not\n%s", n, got, want)
		}
		cancel()
	}
}
