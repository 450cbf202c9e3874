package mpi

import (
	"bytes"
	"fmt"
	"go/format"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	mpih "github.com/faasmrun/faasmrun/mpi/guest"
)

// header parses the declarations of mpi.h: the functions without MPI_, each with its signature as letters.
func header(t *testing.T) map[string]string {
	found := map[string]string{}
	re := regexp.MustCompile(`(?s)\nMPI_CALL\((\w+), (\w+), \((.*?)\)\)`)
	for _, m := range re.FindAllStringSubmatch(mpih.Header, -1) {
		result, name := m[1], m[2]
		var params string
		for _, p := range strings.Split(m[3], ",") {
			params += letter(t, strings.Join(strings.Fields(p), " "))
		}
		if _, twice := found[name]; twice {
			t.Errorf("MPI_%s is declared twice", name)
		}
		found[name] = params + ":" + letter(t, result)
	}
	if len(found) != 698 {
		t.Errorf("the header declares %d functions", len(found))
	}
	return found
}

// letter is how a C type is passed: i is an int, l has 64 bits, as pointers and handles have, c is a communicator,
// which is passed as l, and d is a double.
func letter(t *testing.T, c string) string {
	switch {
	case c == "void":
		return ""
	case c == "..." || strings.ContainsAny(c, "*["):
		return "l"
	}
	for _, word := range strings.Fields(c) {
		switch word {
		case "MPI_Count", "MPI_Offset":
			return "l"
		case "double":
			return "d"
		}
	}
	switch {
	case commType.MatchString(c):
		return string(letterComm)
	case wideType.MatchString(c):
		return "l"
	case !intType.MatchString(c):
		t.Errorf("the test does not know the C type %q", c)
	}
	return "i"
}

var (
	intType  = regexp.MustCompile(`^(const )?(int|MPI_Fint|MPI_T_cb_safety)( \w+)?$`)
	commType = regexp.MustCompile(`^MPI_Comm( \w+)?$`)
	wideType = regexp.MustCompile(`^(const )?(MPI_(Aint|Comm|Group|Datatype|Op|Request|Message|Errhandler|Info|` +
		`Win|File|Session|T_\w+))( \w+)?$`)
)

// TestSignatures: signatures.go is what mpi.h gives.
func TestSignatures(t *testing.T) {
	declared := header(t)
	var text bytes.Buffer
	text.WriteString("package mpi\n\n" +
		"// Code generated from mpi.h by go test -run TestSignatures -update. DO NOT EDIT.\n\n" +
		"// signatures has the functions' parameters and results, a letter each: i is an int, l has 64 bits, as pointers " +
		"and\n// handles have, c is a communicator among these, and d is a double.\nvar signatures = map[string]string{\n")
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		fmt.Fprintf(&text, "%q: %q,\n", name, declared[name])
	}
	text.WriteString("}\n")
	want, err := format.Source(text.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("signatures.go", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile("signatures.go"); err != nil || !bytes.Equal(have, want) {
		t.Errorf("signatures.go is not what mpi.h gives: go test ./mpi -run TestSignatures -update (%v)", err)
	}
}

// TestCallsMatchHeader compares every binding's name and signature with the header's.
func TestCallsMatchHeader(t *testing.T) {
	declared := header(t)
	seen := map[string]bool{}
	for _, c := range Calls() {
		want, ok := declared[strings.TrimPrefix(strings.TrimPrefix(c.Name, "P"), "MPI_")]
		switch {
		case !ok:
			t.Errorf("%s is bound but not declared", c.Name)
		case strings.ReplaceAll(want, string(letterComm), "l") != c.Params+":"+c.Results:
			t.Errorf("%s is bound as %s:%s and declared as %s", c.Name, c.Params, c.Results, want)
		case seen[c.Name]:
			t.Errorf("%s is bound twice", c.Name)
		}
		seen[c.Name] = true
	}
	if len(seen) != 2*len(declared) {
		t.Errorf("%d functions are bound, %d declared", len(seen)/2, len(declared))
	}
}
