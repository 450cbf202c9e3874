package e2e

import (
	"bytes"
	"errors"
	goflag "flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// beside is the page that TestBeside writes its table into, between two marks. Without it the test only sees that
// everything runs.
var beside = goflag.String("beside", "", "measure beside Open MPI and write the table into this `page`")

// besideRounds is how often everything is measured, by turns with Open MPI.
const besideRounds = 5

// comparison is one program with its arguments and the numbers of ranks it is run on.
type comparison struct {
	title   string
	program string
	args    []string
	sizes   []string // the last arguments, and what the lines of the output begin with
	ranks   []int
	unit    string
}

var comparisons = []comparison{
	{"start and end", "start", nil, nil, []int{2, 4, 16}, "ms"},
	{"ping-pong, one way", "messages", []string{"pingpong"}, []string{"8", "1024", "65536", "1048576", "4194304"},
		[]int{2}, "µs"},
	{"a message of many", "messages", []string{"rate"}, []string{"8", "1024", "65536"}, []int{2}, "µs"},
	{"barrier", "messages", []string{"barrier"}, []string{"0"}, []int{2, 4, 16}, "µs"},
	{"bcast", "messages", []string{"bcast"}, []string{"8", "1024", "65536", "1048576"}, []int{2, 4, 16}, "µs"},
	{"allreduce", "messages", []string{"allreduce"}, []string{"8", "1024", "65536", "1048576"}, []int{2, 4, 16}, "µs"},
	{"alltoall", "messages", []string{"alltoall"}, []string{"8", "1024", "65536"}, []int{2, 4, 16}, "µs"},
	{"stencil, 1024²", "kernels", []string{"stencil", "1024", "40"}, nil, []int{2, 4, 16}, "µs"},
	{"dgemm, 512²", "kernels", []string{"dgemm", "512", "5"}, nil, []int{2, 4, 16}, "µs"},
}

// launcher is one MPI: how it compiles and how it runs.
type launcher struct {
	dir      string
	compiler []string
	run      []string // -np N PROGRAM … follow
	suffix   string
	missing  bool // its column stays empty
}

// TestBeside runs the programs of testdata/beside. With -beside it measures both engines by turns with Open MPI, where
// that is installed, and writes medians and ratios down.
func TestBeside(t *testing.T) {
	t.Setenv("FAASMRUN_HOME", testHome(t))
	faasmrun := filepath.Join(buildTree(t), "faasmrun")
	ours := launcher{t.TempDir(), []string{faasmrun, "cc"}, []string{faasmrun, "--engine", "wazero"}, ".wasm", false}
	if err := ours.compile(); err != nil {
		t.Fatal(err)
	}
	if *beside == "" {
		for _, c := range comparisons {
			for size, value := range ours.measure(t, c, 2, "1", c.sizes[:min(2, len(c.sizes))]) {
				if !(value > 0) {
					t.Errorf("%s of %s: %v", c.title, size, value)
				}
			}
		}
		return
	}
	native := ours
	native.run = []string{faasmrun, "--engine", "native"}
	if _, err := exec.LookPath("clang-19"); err != nil || runtime.GOARCH != "amd64" {
		t.Log("no clang-19, or another processor than x86-64: the native engine's column stays empty")
		native.missing = true
	} else {
		for _, program := range besidePrograms { // or the first run waits, and says so
			if out, err := exec.Command(faasmrun, "compile", ours.path(program)).CombinedOutput(); err != nil {
				t.Fatalf("compile %s: %v\n%s", program, err, out)
			}
		}
	}
	theirs := launcher{t.TempDir(), []string{"mpicc.openmpi"},
		[]string{"mpirun.openmpi", "--allow-run-as-root", "--oversubscribe"}, "", false}
	if err := theirs.compile(); errors.Is(err, exec.ErrNotFound) {
		t.Log("Open MPI is not installed: its column stays empty")
		theirs.missing = true
	} else if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	fmt.Fprintf(&table, "%s\n\n| | ranks | bytes | wazero | native engine | Open MPI | wazero ÷ Open MPI | "+
		"native engine ÷ Open MPI |\n|---|---|---|---|---|---|---|---|\n", besideMachine())
	for _, c := range comparisons {
		for _, n := range c.ranks {
			compareBeside(t, &table, c, n, []launcher{ours, native, theirs})
		}
	}
	if err := putBetween(*beside, "make bench", table.String()); err != nil {
		t.Fatal(err)
	}
}

var besidePrograms = []string{"start", "messages", "kernels"}

func (l launcher) compile() error {
	for _, program := range besidePrograms {
		args := append(slices.Clone(l.compiler[1:]), "-O3", "-o", l.path(program),
			filepath.Join("testdata", "beside", program+".c"))
		if out, err := exec.Command(l.compiler[0], append(args, "-lm")...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s: %w\n%s", l.compiler[0], strings.Join(args, " "), err, out)
		}
	}
	return nil
}

func (l launcher) path(program string) string { return filepath.Join(l.dir, program+l.suffix) }

// measure runs a program once and gives its figures by size; a program that prints none is timed.
func (l launcher) measure(t *testing.T, c comparison, ranks int, milliseconds string,
	sizes []string) map[string]float64 {
	t.Helper()
	args := append(slices.Clone(l.run[1:]), "-np", fmt.Sprint(ranks), l.path(c.program))
	args = append(args, c.args...)
	if c.program == "messages" {
		args = append(append(args, milliseconds), sizes...)
	}
	began := time.Now()
	out, err := exec.Command(l.run[0], args...).CombinedOutput()
	took := time.Since(began)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", l.run[0], strings.Join(args, " "), err, out)
	}
	if c.unit == "ms" {
		return map[string]float64{"": float64(took.Microseconds()) / 1000}
	}
	figures := map[string]float64{}
	for line := range strings.Lines(string(out)) {
		size, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		figure, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("%s %s prints %q", l.run[0], strings.Join(args, " "), line)
		}
		if c.sizes == nil {
			size = ""
		}
		figures[size] = figure
	}
	return figures
}

// compareBeside measures one comparison on one number of ranks, by turns with each launcher, and writes its lines of
// the table: a column for each, and the ratios to the last one's.
func compareBeside(t *testing.T, table *bytes.Buffer, c comparison, ranks int, launchers []launcher) {
	sizes := c.sizes
	if sizes == nil {
		sizes = []string{""}
	}
	took := make([]map[string][]float64, len(launchers))
	for range besideRounds {
		for i, l := range launchers {
			if l.missing {
				continue
			}
			if took[i] == nil {
				took[i] = map[string][]float64{}
			}
			figures := l.measure(t, c, ranks, "33", c.sizes)
			for _, size := range sizes {
				took[i][size] = append(took[i][size], figures[size])
			}
		}
	}
	last := len(launchers) - 1
	for _, size := range sizes {
		fmt.Fprintf(table, "| %s | %d | %s |", c.title, ranks, size)
		for i := range launchers {
			fmt.Fprintf(table, " %s |", unlessMissing(besideMedian(took[i][size]), " "+c.unit))
		}
		for i := range last {
			fmt.Fprintf(table, " %s |", unlessMissing(besideMedian(took[i][size])/besideMedian(took[last][size]), ""))
		}
		fmt.Fprintln(table)
	}
}

func unlessMissing(v float64, unit string) string {
	if math.IsNaN(v) {
		return "–"
	}
	return figure(v) + unit
}

func besideMedian(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// figure is a number with three digits that mean something.
func figure(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// besideMachine says what was measured where.
func besideMachine() string {
	model := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	load, _ := os.ReadFile("/proc/loadavg")
	fields := append(strings.Fields(string(load)), "?")
	version := "no Open MPI"
	if out, err := exec.Command("mpirun.openmpi", "--version").Output(); err == nil {
		version, _, _ = strings.Cut(strings.TrimPrefix(string(out), "mpirun "), "\n")
	}
	return fmt.Sprintf("`make bench` on %s, %d processors (%s, load %s before), %s, %s: medians of %d runs by turns, "+
		"the same C sources compiled with -O3.", time.Now().Format(time.DateOnly), runtime.NumCPU(), model, fields[0],
		runtime.Version(), version, besideRounds)
}

// putBetween replaces what stands in a page between the marks of a name.
func putBetween(page, name, text string) error {
	b, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	begin, end := fmt.Sprintf("<!-- %s -->\n", name), fmt.Sprintf("<!-- end of %s -->\n", name)
	before, rest, ok := strings.Cut(string(b), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no marks %q and %q", page, begin, end)
	}
	return os.WriteFile(page, []byte(before+begin+text+end+after), 0o644)
}
