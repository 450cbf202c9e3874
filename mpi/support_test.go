package mpi

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	mpih "github.com/faasmrun/faasmrun/mpi/guest"
)

var update = flag.Bool("update", false, "write docs/mpi-support.md, or signatures.go, anew")

const supportPage = "../docs/mpi-support.md"

// TestSupportPage compares the page with what the header declares and the table binds.
func TestSupportPage(t *testing.T) {
	wanted := supportTable(t)
	if *update {
		if err := os.WriteFile(supportPage, []byte(wanted), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(supportPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != wanted {
		t.Errorf("%s is out of date: go test ./mpi -run SupportPage -update", supportPage)
	}
}

// supportTable lists the header's functions by its chapters; a _c function stands with the one whose name it has.
func supportTable(t *testing.T) string {
	bound := map[string]bool{}
	for _, c := range Calls() {
		bound[c.Name] = !c.Absent
	}
	var page strings.Builder
	there, total := 0, 0
	sections := regexp.MustCompile(`(?m)^/\* (.*) \*/\n((?:MPI_CALL|         ).*\n)+`)
	name := regexp.MustCompile(`MPI_CALL\(\w+, (\w+),`)
	for _, section := range sections.FindAllStringSubmatch(mpih.Header, -1) {
		var yes, no []string
		for _, m := range name.FindAllStringSubmatch(section[0], -1) {
			total++
			if bound["MPI_"+m[1]] && bound["PMPI_"+m[1]] {
				there++
				yes = append(yes, m[1])
			} else {
				no = append(no, m[1])
			}
		}
		fmt.Fprintf(&page, "\n## %s\n", section[1])
		if len(yes) > 0 {
			fmt.Fprintf(&page, "\n**There** (%d): %s\n", len(yes), wrapped(yes))
		}
		if len(no) > 0 {
			fmt.Fprintf(&page, "\n**Not yet** (%d): %s\n", len(no), wrapped(no))
		}
	}
	if total != 698 {
		t.Errorf("the page lists %d functions", total)
	}
	return fmt.Sprintf(`# Which MPI functions are there

Generated from the table of functions and mpi.h by `+"`go test ./mpi -run SupportPage -update`"+`. %d of %d functions: those of MPI 5.0
with their large-count forms, and the names of earlier versions that programs still use. Each has its PMPI_ name too.
A program may have one that is not there: it runs, one line says so when it is loaded, and who calls the function gets
MPI_ERR_UNSUPPORTED_OPERATION through the error handler of the communicator, or of MPI_COMM_SELF (MPI_COMM_WORLD's if only that one was
set). Functions of files return it, as files begin with MPI_ERRORS_RETURN; those of the tools interface (MPI_T) return MPI_T_ERR_NOT_SUPPORTED.
Configure scripts and CMake do not find it.
`, there, total) + page.String()
}

// wrapped joins names in lines of moderate length.
func wrapped(names []string) string {
	var b strings.Builder
	line := 14
	for i, n := range names {
		if i > 0 {
			b.WriteString(",")
			if line+len(n) > 116 {
				b.WriteString("\n")
				line = 0
			} else {
				b.WriteString(" ")
			}
		}
		b.WriteString(n)
		line += len(n) + 2
	}
	return b.String()
}
