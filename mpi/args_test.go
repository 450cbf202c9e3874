package mpi

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	mpih "github.com/faasmrun/faasmrun/mpi/guest"
)

// cTypes gives for each kind of argument the C types that it stands for, and those in a _c function if they are others.
// Those are regular expressions in which " *" and "[]" are themselves.
var cTypes = map[reflect.Type][2]string{
	kindOf[intArg]():     {"(const )?int"},
	kindOf[rankArg]():    {"int"},
	kindOf[tagArg]():     {"int"},
	kindOf[countArg]():   {"int", "MPI_Count"},
	kindOf[aintArg]():    {"MPI_Aint", "MPI_Count|MPI_Aint"},
	kindOf[wordArg]():    {"void *"},
	kindOf[funcArg]():    {`MPI_\w+_function(_c)? \*`},
	kindOf[ignored]():    {`int \*|char \*\*\*|int|char \*\[\]|\.\.\.`},
	kindOf[addressArg](): {"(const )?void *"},
	kindOf[memoryArg]():  {"(const )?void *"},
	kindOf[numberArg]():  {`MPI_\w+|int`},

	kindOf[bufIn]():  {"const void *"},
	kindOf[bufOut](): {"void *"},
	kindOf[bufRef](): {"void *"},

	kindOf[commArg]():       {"MPI_Comm"},
	kindOf[groupArg]():      {"MPI_Group"},
	kindOf[typeArg]():       {"MPI_Datatype"},
	kindOf[opArg]():         {"MPI_Op"},
	kindOf[requestArg]():    {"MPI_Request"},
	kindOf[errhandlerArg](): {"MPI_Errhandler"},
	kindOf[infoArg]():       {"MPI_Info"},

	kindOf[commOut]():       {"MPI_Comm *"},
	kindOf[groupOut]():      {"MPI_Group *"},
	kindOf[typeOut]():       {"MPI_Datatype *"},
	kindOf[opOut]():         {"MPI_Op *"},
	kindOf[requestOut]():    {"MPI_Request *"},
	kindOf[messageOut]():    {"MPI_Message *"},
	kindOf[errhandlerOut](): {"MPI_Errhandler *"},
	kindOf[infoOut]():       {"MPI_Info *"},
	kindOf[commRef]():       {"MPI_Comm *"},
	kindOf[groupRef]():      {"MPI_Group *"},
	kindOf[typeRef]():       {"MPI_Datatype *"},
	kindOf[opRef]():         {"MPI_Op *"},
	kindOf[requestRef]():    {"MPI_Request *"},
	kindOf[messageRef]():    {"MPI_Message *"},
	kindOf[errhandlerRef](): {"MPI_Errhandler *"},
	kindOf[infoRef]():       {"MPI_Info *"},

	kindOf[intOut]():   {"int *"},
	kindOf[flagOut]():  {"int *"},
	kindOf[countOut](): {"int *", "MPI_Count *"},
	kindOf[aintOut]():  {"MPI_Aint *", "MPI_Count *"},
	kindOf[wordOut]():  {"void *"},
	kindOf[intRef]():   {"int *"},
	kindOf[countRef](): {"int *", "MPI_Count *"},
	kindOf[aintRef]():  {"MPI_Aint *", "MPI_Count *"},

	kindOf[intsIn]():      {`const int\[\]|int\[\]\[3\]`},
	kindOf[intsOut]():     {"int[]"},
	kindOf[intsRef]():     {"int[]"},
	kindOf[countsIn]():    {"(const )?int[]", "const MPI_Count[]"}, // MPI-1 had no const
	kindOf[countsOut]():   {"MPI_Count[]"},
	kindOf[displsIn]():    {"const int[]", "const MPI_Aint[]"},
	kindOf[aintsIn]():     {"(const )?MPI_Aint[]", `const MPI_(Aint|Count)\[\]`},
	kindOf[aintsOut]():    {"MPI_Aint[]"},
	kindOf[typesIn]():     {"(const )?MPI_Datatype[]"},
	kindOf[typesOut]():    {"MPI_Datatype[]"},
	kindOf[requestsRef](): {`(const )?MPI_Request\[\]`},
	kindOf[weightsIn]():   {"const int[]"},
	kindOf[weightsOut]():  {"int[]"},

	kindOf[statusIn]():    {"const (MPI_Status|MPI_Fint) *"},
	kindOf[statusRef]():   {"(MPI_Status|MPI_Fint) *"},
	kindOf[statusOut]():   {"MPI_Status *"},
	kindOf[statusesOut](): {"MPI_Status *"},

	kindOf[stringIn]():  {`const char( \*|\[\])`},
	kindOf[stringOut](): {"char *"},
}

// cArguments are the types of a function's arguments in mpi.h, without their names.
func cArguments(name string) []string {
	m := regexp.MustCompile(`(?s)\nMPI_CALL\(\w+, ` + name + `, \((.*?)\)\)`).FindStringSubmatch(mpih.Header)
	if m == nil || m[1] == "void" {
		return nil
	}
	var types []string
	for _, p := range strings.Split(m[1], ",") {
		parts := regexp.MustCompile(`^(.*?)(\w+)?((?:\[\d*\])*)$`).FindStringSubmatch(strings.Join(strings.Fields(p), " "))
		types = append(types, strings.TrimSpace(parts[1])+parts[3])
	}
	return types
}

// stands reports whether a kind of argument stands for a C type.
func stands(k reflect.Type, large bool, c string) bool {
	allowed := cTypes[k][0]
	if of := cTypes[k][1]; large && of != "" {
		allowed = of
	}
	pattern := strings.NewReplacer(` \*`, ` \*`, " *", ` \*`, "[]", `\[\]`).Replace(allowed)
	return regexp.MustCompile(`^(` + pattern + `)$`).MatchString(c)
}

// TestKinds: the kinds of a function's arguments are those of its C types in mpi.h, and each buffer has a count and a
// datatype behind it.
func TestKinds(t *testing.T) {
	used := map[reflect.Type]bool{}
	check := func(name string, kinds []reflect.Type, large bool) {
		declared := cArguments(name)
		if len(declared) != len(kinds) {
			t.Errorf("MPI_%s has %d arguments, mpi.h gives it %d", name, len(kinds), len(declared))
			return
		}
		for i, k := range kinds {
			used[k] = true
			if !stands(k, large, declared[i]) {
				t.Errorf("MPI_%s: argument %d is a %s, which does not stand for %q", name, i, k.Name(), declared[i])
			}
			if k == kindOf[bufIn]() || k == kindOf[bufOut]() || k == kindOf[bufRef]() {
				behind := kinds[i:]
				if !slices.Contains(behind, kindOf[countArg]()) && !slices.Contains(behind, kindOf[countsIn]()) ||
					!slices.Contains(behind, kindOf[typeArg]()) && !slices.Contains(behind, kindOf[typesIn]()) {
					t.Errorf("MPI_%s: buffer %d has no count or no datatype behind it", name, i)
				}
			}
		}
	}
	for _, b := range all {
		check(b.name, b.fn.kinds, strings.HasSuffix(b.name, "_c") || strings.HasSuffix(b.name, "_x"))
		if b.large {
			check(b.name+"_c", b.fn.kinds, true)
		}
	}
	for _, d := range direct {
		check(d.name, d.fn.kinds, false)
	}
	for k := range cTypes {
		if !used[k] {
			t.Errorf("no function has a %s", k.Name())
		}
	}
}
