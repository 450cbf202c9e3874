package mpi

import (
	"regexp"
	"strings"
	"testing"

	mpih "github.com/faasmrun/faasmrun/mpi/guest"
)

// prototype is a function of the header as letters.
type prototype struct{ params, results string }

// header parses the declarations of mpi.h.
func header(t *testing.T) map[string]prototype {
	found := map[string]prototype{}
	re := regexp.MustCompile(`(?s)\nMPI_CALL\((\w+), (\w+), \((.*?)\)\)`)
	for _, m := range re.FindAllStringSubmatch(mpih.Header, -1) {
		result, name := m[1], m[2]
		var params string
		for _, p := range strings.Split(m[3], ",") {
			params += letter(t, strings.Join(strings.Fields(p), " "))
		}
		if _, twice := found["MPI_"+name]; twice {
			t.Errorf("MPI_%s is declared twice", name)
		}
		p := prototype{params, letter(t, result)}
		found["MPI_"+name], found["PMPI_"+name] = p, p
	}
	if len(found) != 2*698 {
		t.Errorf("the header declares %d functions", len(found))
	}
	return found
}

// letter is how a C type is passed in wasm32.
func letter(t *testing.T, c string) string {
	switch {
	case c == "void":
		return ""
	case c == "..." || strings.ContainsAny(c, "*["):
		return "i"
	}
	for _, word := range strings.Fields(c) {
		switch word {
		case "MPI_Count", "MPI_Offset":
			return "l"
		case "double":
			return "d"
		}
	}
	if !knownType.MatchString(c) {
		t.Errorf("the test does not know the C type %q", c)
	}
	return "i"
}

var knownType = regexp.MustCompile(`^(const )?(int|MPI_(Aint|Fint|Comm|Group|Datatype|Op|Request|Message|Errhandler|Info|Win|File|Session|T_\w+))( \w+)?$`)

// TestCallsMatchHeader compares every binding's name and signature with the header's.
func TestCallsMatchHeader(t *testing.T) {
	declared := header(t)
	seen := map[string]bool{}
	for _, c := range Calls() {
		p, ok := declared[c.Name]
		switch {
		case !ok:
			t.Errorf("%s is bound but not declared", c.Name)
		case p != prototype{c.Params, c.Results}:
			t.Errorf("%s is bound as (%s) %s and declared as (%s) %s", c.Name, c.Params, c.Results, p.params, p.results)
		case seen[c.Name]:
			t.Errorf("%s is bound twice", c.Name)
		}
		seen[c.Name] = true
	}
}
