package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// conformanceSizes are the numbers of ranks the conformance program runs on.
var conformanceSizes = []int{1, 2, 3, 5, 8, 16}

// TestConformance compiles testdata/conformance by faasmrun cc and runs it: a program that checks what each MPI
// function gave.
func TestConformance(t *testing.T) {
	home := testHome(t)
	faasmrun := filepath.Join(buildTree(t), "faasmrun")
	program := filepath.Join(t.TempDir(), "conformance.wasm")
	run := func(arguments ...string) string {
		command := exec.Command(faasmrun, arguments...)
		command.Env = append(os.Environ(), "FAASMRUN_HOME="+home)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Errorf("faasmrun %s: %v\n%s", strings.Join(arguments, " "), err, out)
		}
		return withoutNotes(string(out), os.Getenv("FAASMRUN_ENGINE"))
	}
	run(append([]string{"cc", "-O1", "-Wall", "-Werror", "-o", program}, conformanceSources(t)...)...)
	if out := run("-np", "5", "--timeout", "60", "--check", program); !strings.HasPrefix(out, "passed: ") {
		t.Errorf("checked, on 5 ranks:\n%s", out)
	}
	for _, n := range conformanceSizes {
		if out := run("-np", fmt.Sprint(n), "--timeout", "60", program); !strings.HasPrefix(out, "passed: ") {
			t.Errorf("on %d ranks:\n%s", n, out)
		}
	}
	for _, every := range []string{"1", "random:1"} {
		t.Setenv("FAASMRUN_RESUME_EVERY", every)
		if out := run("-np", "5", "--timeout", "60", program); !strings.HasPrefix(out, "passed: ") {
			t.Errorf("on 5 ranks, whose calls are broken off (%s):\n%s", every, out)
		}
	}
}

// TestConformanceNative does the same by Open MPI where it is installed: the program is right, and not only as we
// understand MPI.
func TestConformanceNative(t *testing.T) {
	compiler, err := exec.LookPath("mpicc.openmpi")
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("Open MPI is not installed")
	}
	program := filepath.Join(t.TempDir(), "conformance")
	if out, err := exec.Command(compiler, append([]string{"-o", program},
		conformanceSources(t)...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, n := range []int{1, 3, 8} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		out, err := exec.CommandContext(ctx, "mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "-np", fmt.Sprint(n),
			program).CombinedOutput()
		cancel()
		if err != nil || !strings.HasPrefix(string(out), "passed: ") {
			t.Errorf("on %d ranks: %v\n%s", n, err, out)
		}
	}
}

func conformanceSources(t *testing.T) []string {
	sources, err := filepath.Glob("testdata/conformance/*.c")
	if err != nil || len(sources) == 0 {
		t.Fatal("no sources", err)
	}
	return sources
}

// TestConformanceCovers holds how many of the functions that are there the conformance program calls. A function that
// comes into the support page must come into the program too, or be listed here.
func TestConformanceCovers(t *testing.T) {
	// large counts and conversions: tested in package mpi alone
	elsewhere := regexp.MustCompile(`_c$|_(c2f|f2c|fromint|toint)$`)
	var text strings.Builder
	for _, file := range conformanceSources(t) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(b)
	}
	page, err := os.ReadFile("../../docs/mpi-support.md")
	if err != nil {
		t.Fatal(err)
	}
	var missing []string
	for _, paragraph := range regexp.MustCompile(`(?s)\*\*There\*\* \(\d+\): (.*?)\n\n`).FindAllStringSubmatch(string(page)+"\n\n", -1) {
		for _, name := range strings.FieldsFunc(paragraph[1],
			func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
			if !elsewhere.MatchString(name) && !calls(text.String(), name) && !notCovered[name] {
				missing = append(missing, name)
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("the conformance program calls none of these %d: %s", len(missing), strings.Join(missing, ", "))
	}
}

// calls reports whether a function is called by its name, or as a form of a collective by a macro.
func calls(text, name string) bool {
	if strings.Contains(text, "MPI_"+name+"(") {
		return true
	}
	collective := strings.TrimSuffix(name, "_init")
	if collective == name && len(name) > 1 && name[0] == 'I' {
		collective = strings.ToUpper(name[1:2]) + name[2:]
	}
	neighbours, ok := strings.CutPrefix(strings.ToLower(collective), "neighbor_")
	return strings.Contains(text, "EACH("+collective+",") || ok && strings.Contains(text, "BLOCKING("+neighbours+",")
}

// notCovered are functions that the program does not call.
var notCovered = map[string]bool{
	"Abort": true, "Init": true, // a run has one beginning and no abortion; scripts have them
	"Pcontrol": true, // shows in --mpi-stats alone
	// Newer than the Open MPI that the program runs under, too: tested in package mpi.
	"Buffer_iflush": true, "Comm_attach_buffer": true, "Comm_detach_buffer": true, "Comm_flush_buffer": true,
	"Comm_iflush_buffer":     true,
	"Request_get_status_all": true, "Request_get_status_any": true, "Request_get_status_some": true,
	"Type_get_value_index": true,
	"Get_hw_resource_info": true, "Abi_get_info": true, "Abi_get_fortran_info": true,
}
