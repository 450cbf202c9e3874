package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// openmpColumn is one way to run testdata/beside/openmp.c.
type openmpColumn struct {
	title string
	run   []string // the program's argument follows
	env   string   // one more variable, or none
}

// TestBesideOpenMP runs the constructs of testdata/beside/openmp.c. With -beside it measures both engines by turns with
// clang's runtime, libomp, as it is and with threads that park at once, and writes medians and ratios down.
func TestBesideOpenMP(t *testing.T) {
	t.Setenv("FAASMRUN_HOME", testHome(t))
	faasmrun, dir := filepath.Join(buildTree(t), "faasmrun"), t.TempDir()
	source := filepath.Join("testdata", "beside", "openmp.c")
	module, program := filepath.Join(dir, "openmp.wasm"), filepath.Join(dir, "openmp")
	compile := func(args ...string) error {
		out, err := exec.Command(args[0], append(args[1:], "-O3", "-fopenmp", source)...).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
		}
		return err
	}
	if err := compile(faasmrun, "cc", "-o", module); err != nil {
		t.Fatal(err)
	}
	columns := []openmpColumn{{"wazero", []string{faasmrun, "--engine", "wazero", "-np", "1", module}, ""}}
	if *beside == "" {
		for _, construct := range columns[0].measure(t, 2, "1") {
			if !(construct.time > 0) {
				t.Errorf("%s: %v", construct.name, construct.time)
			}
		}
		return
	}
	if err := compile("clang-19", "-o", program); err != nil || runtime.GOARCH != "amd64" {
		t.Skipf("no clang-19 with libomp, or another processor than x86-64: the table stays as it is (%v)", err)
	}
	if out, err := exec.Command(faasmrun, "compile", module).CombinedOutput(); err != nil {
		t.Fatalf("compile: %v\n%s", err, out)
	}
	native := []string{faasmrun, "--engine", "native", "-np", "1", module}
	columns = append(columns, openmpColumn{"native engine", native, ""}, openmpColumn{"libomp", []string{program}, ""},
		openmpColumn{"libomp, parking", []string{program}, "KMP_BLOCKTIME=0"})
	var table bytes.Buffer
	fmt.Fprintf(&table, "%s\n\n| | threads | wazero | native engine | libomp | libomp, parking | "+
		"native engine ÷ libomp | native engine ÷ libomp, parking |\n|---|---|---|---|---|---|---|---|\n", besideMachine())
	for _, threads := range []int{1, 2, 16} {
		compareOpenMP(t, &table, threads, columns)
	}
	if err := putBetween(*beside, "make bench: OpenMP", table.String()); err != nil {
		t.Fatal(err)
	}
}

type constructTime struct {
	name string
	time float64 // µs
}

// measure runs the program once on so many threads.
func (c openmpColumn) measure(t *testing.T, threads int, milliseconds string) (times []constructTime) {
	t.Helper()
	command := exec.Command(c.run[0], append(c.run[1:], milliseconds)...)
	command.Env = append(os.Environ(), fmt.Sprint("OMP_NUM_THREADS=", threads))
	if c.env != "" {
		command.Env = append(command.Env, c.env)
	}
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		time, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("%s prints %q", command, line)
		}
		times = append(times, constructTime{name, time})
	}
	return times
}

// compareOpenMP measures all constructs on so many threads, by turns with each column, and writes their lines.
func compareOpenMP(t *testing.T, table *bytes.Buffer, threads int, columns []openmpColumn) {
	var names []string
	took := make([]map[string][]float64, len(columns))
	for i := range took {
		took[i] = map[string][]float64{}
	}
	for round := range besideRounds {
		for i, c := range columns {
			for _, construct := range c.measure(t, threads, "33") {
				if round == 0 && i == 0 {
					names = append(names, construct.name)
				}
				took[i][construct.name] = append(took[i][construct.name], construct.time)
			}
		}
	}
	for _, name := range names {
		median := func(i int) float64 { return besideMedian(took[i][name]) }
		fmt.Fprintf(table, "| %s | %d |", name, threads)
		for i := range columns {
			fmt.Fprintf(table, " %s µs |", figure(median(i)))
		}
		fmt.Fprintf(table, " %s | %s |\n", figure(median(1)/median(2)), figure(median(1)/median(3)))
	}
}
