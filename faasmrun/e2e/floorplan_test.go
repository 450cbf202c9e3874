// Package e2e tests faasmrun from outside, as its users meet it: commands, daemons, pages, and the plan of the tree.
package e2e

import (
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

const modulePath = "github.com/faasmrun/faasmrun/"

// allowedImports is the floor plan: which package may import which package of ours. A package that is not listed does
// not exist, an import that is not listed is not allowed.
var allowedImports = map[string][]string{
	"faasmrun": {"faasmrun/batch", "faasmrun/cli", "faasmrun/daemon", "faasmrun/jobs", "faasmrun/launch",
		"faasmrun/supervisor", "faasmrun/toolchain"},
	"faasmrun/batch": {"faasmrun/cli", "faasmrun/client", "faasmrun/launch", "faasmrun/machine", "internal/filetype",
		"scheduler/schedpb"},
	"faasmrun/cli":    {"internal/bytesize", "scheduler/jobstate"},
	"faasmrun/client": {"faasmrun/cli", "faasmrun/home", "scheduler", "scheduler/auth", "scheduler/schedpb"},
	"faasmrun/daemon": {"faasmrun/cli", "faasmrun/client", "faasmrun/home", "faasmrun/machine", "scheduler",
		"scheduler/auth",
		"scheduler/schedpb", "worker", "worker/cgroup", "worker/confine", "worker/engine", "worker/engine/native",
		"worker/engine/native/clang", "worker/engine/native/maker", "worker/engine/wazero", "worker/executor",
		"internal/bytesize"},
	"faasmrun/home": {"faasmrun/cli", "internal/private"},
	"faasmrun/jobs": {"faasmrun/cli", "faasmrun/client", "faasmrun/session", "internal/bytesize", "internal/timespan",
		"scheduler", "scheduler/jobstate", "scheduler/schedpb", "scheduler/sim", "tui"},
	"faasmrun/launch": {"faasmrun/cli", "faasmrun/client", "faasmrun/daemon", "faasmrun/machine", "faasmrun/session",
		"internal/filetype", "internal/openmp", "internal/wasm", "scheduler/schedpb"},
	"faasmrun/machine": {},
	"faasmrun/session": {"faasmrun/cli", "faasmrun/client", "faasmrun/machine", "internal/bytesize", "mpi/profile",
		"omp/profile", "scheduler/jobstate", "scheduler/schedpb"},
	// A child of the worker's, as the executor is; the steps in its script run under a scheduler and a worker as a
	// launcher's.
	"faasmrun/supervisor": {"faasmrun/client", "faasmrun/daemon", "faasmrun/home", "internal/failpoint",
		"scheduler/core/result", "scheduler/jobstate", "scheduler/schedpb", "worker/child", "worker/control",
		"worker/joblog"},
	"faasmrun/toolchain": {"mpi", "mpi/guest", "omp/guest", "internal/filetype", "internal/wasm"},
	"scheduler": {"internal/bytesize", "internal/private", "internal/failpoint", "internal/lower", "internal/openmp",
		"internal/tasks", "internal/wasm",
		"scheduler/core", "scheduler/core/result", "scheduler/store", "scheduler/schedpb"},
	"scheduler/core": {"internal/bytesize", "scheduler/core/result", "scheduler/jobstate"},
	// The rule of a job's result is core's; who sees ranks end reports in its words, as all use jobstate's codes.
	"scheduler/core/result": {"scheduler/jobstate"},
	"scheduler/jobstate":    {},
	"scheduler/auth":        {},
	"scheduler/store":       {"internal/private", "internal/failpoint", "scheduler/core"},
	"scheduler/sim":         {"scheduler/core", "scheduler/core/result"},
	"scheduler/schedpb":     {"scheduler/core/result"},
	"worker": {"internal/bytesize", "internal/private", "internal/failpoint", "internal/tasks", "scheduler/core/result",
		"scheduler/jobstate", "scheduler/schedpb", "worker/cgroup",
		"worker/control", "worker/engine/native/clang", "worker/engine/native/maker", "worker/engine/native/object",
		"worker/joblog", "worker/state", "internal/passes"},
	"worker/cgroup":  {},
	"worker/child":   {"worker/control", "worker/joblog"},
	"worker/confine": {},
	"worker/state":   {"internal/private"},
	"worker/control": {"scheduler/core/result", "scheduler/jobstate"},
	"worker/joblog":  {},
	"worker/executor": {"internal/failpoint", "internal/openmp", "scheduler/core/result", "worker/child", "worker/confine",
		"worker/control",
		"worker/joblog", "worker/rank",
		"internal/wasm", "worker/engine", "worker/engine/native", "worker/engine/native/clang", "worker/engine/native/maker",
		"worker/engine/native/object", "worker/engine/native/translate", "worker/engine/wazero", "worker/program",
		"mpi", "omp/profile"},
	"worker/rank": {"internal/openmp", "internal/waits", "scheduler/core/result", "worker/engine", "worker/futex",
		"worker/program", "worker/wasi", "mpi", "omp", "omp/profile", "snapshot/linear"},
	"worker/machinecode": {"worker/program"},
	"worker/futex":       {"worker/program"},
	"worker/program":     {"internal/bytesize", "internal/filetype", "internal/lower", "internal/passes", "internal/wasm"},
	"worker/engine":      {"internal/wasm", "worker/program"},
	"worker/engine/conformance": {"internal/waits", "internal/wasm", "snapshot/linear", "worker/engine", "worker/futex",
		"worker/program"},
	"worker/engine/native": {"internal/eh", "internal/passes", "internal/wasm", "worker/engine",
		"worker/engine/native/object", "worker/machinecode", "worker/program"},
	// An engine is chosen where one is made; everyone else sees the boundary.
	"worker/engine/wazero": {"internal/eh", "internal/wasm", "worker/engine", "worker/machinecode", "worker/program"},
	// Pure: modules in, C out.
	"worker/engine/native/translate": {"internal/wasm", "worker/program"},
	// Of the native engine.
	"worker/engine/native/clang": {"worker/confine"},
	"worker/engine/native/maker": {"internal/wasm", "worker/engine/native/clang", "worker/engine/native/object",
		"worker/engine/native/translate", "worker/program"},
	"worker/engine/native/object": {},
	"worker/wasi":                 {},
	"mpi": {"mpi/agree", "mpi/datatype", "mpi/group", "mpi/match", "mpi/coll", "mpi/coll/schedule",
		"mpi/profile", "mpi/state", "mpi/state/statepb", "mpi/transport"},
	"mpi/agree":         {"mpi/group", "mpi/match"},
	"mpi/datatype":      {},
	"mpi/group":         {"mpi/match"},
	"mpi/match":         {},
	"mpi/coll":          {},
	"mpi/coll/schedule": {},
	"mpi/state":         {"mpi/datatype", "mpi/group", "mpi/state/statepb"},
	"mpi/state/statepb": {},
	"mpi/guest":         {},
	"mpi/profile":       {},
	"mpi/transport":     {"mpi/datatype", "mpi/group", "mpi/match"},
	"omp":               {"internal/openmp", "omp/profile", "omp/task"},
	"omp/profile":       {},
	"omp/task":          {},
	"omp/guest":         {},
	"snapshot/linear":   {},
	"tui":               {"internal/bytesize", "internal/timespan", "scheduler/jobstate", "scheduler/schedpb"},
	"internal/passes": {"internal/backedge", "internal/callback", "internal/eh", "internal/fill", "internal/lower",
		"internal/waits", "internal/wasm"},
	"internal/callback":  {"internal/wasm"},
	"internal/eh":        {"internal/wasm"},
	"internal/backedge":  {"internal/wasm"},
	"internal/fill":      {"internal/wasm"},
	"internal/waits":     {"internal/wasm"},
	"internal/lower":     {"internal/bytesize", "internal/wasm"},
	"internal/openmp":    {"internal/wasm"},
	"internal/wasm":      {},
	"internal/failpoint": {},
	"internal/private":   {},
	"internal/tasks":     {},
	"internal/bytesize":  {},
	"internal/filetype":  {},
	"internal/timespan":  {},
}

// onlyIn names libraries that one package alone may use, so that it can be replaced without touching the others.
var onlyIn = map[string][]string{
	"github.com/tetratelabs/wazero": {"worker/engine/wazero"},
	"github.com/landlock-lsm/":      {"worker/confine"},
	"github.com/cockroachdb/pebble": {"scheduler/store", "worker/state"},
	"github.com/charmbracelet/":     {"tui"},
	"charm.land/":                   {"tui"},
	"google.golang.org/grpc": {"faasmrun/batch", "faasmrun/cli", "faasmrun/client", "faasmrun/daemon", "faasmrun/jobs",
		"faasmrun/launch",
		"faasmrun/session", "scheduler", "scheduler/auth", "scheduler/schedpb", "worker"},
	"github.com/klauspost/compress/": {"snapshot", "snapshot/chunk", "scheduler", "worker"},
}

// pure lists packages that decide and never act: no clock, no I/O, no goroutines of their own, no randomness.
var pure = map[string][]string{
	"scheduler/core": {"os", "net", "time", "math/rand", "math/rand/v2", "sync", "context", "io/fs", "crypto/rand"},
	// time for its durations alone
	"scheduler/core/result": {"os", "net", "math/rand", "math/rand/v2", "sync", "context", "io/fs", "crypto/rand"},
	"mpi/agree":             {"os", "net", "time", "math/rand", "math/rand/v2", "sync", "context", "io/fs", "crypto/rand"},
	"mpi/coll/schedule":     {"os", "net", "time", "math/rand", "math/rand/v2", "sync", "context", "io/fs", "crypto/rand"},
	"mpi/datatype":          {"os", "net", "time", "math/rand", "math/rand/v2", "sync", "context", "io/fs", "crypto/rand"},
	"mpi/group":             {"os", "net", "time", "math/rand", "math/rand/v2", "sync", "context", "io/fs", "crypto/rand"},
	"mpi/state":             {"os", "net", "time", "math/rand", "math/rand/v2", "sync", "context", "io/fs", "crypto/rand"},
	"mpi/match":             {"os", "net", "time", "math/rand", "math/rand/v2", "sync", "context", "io/fs", "crypto/rand"},
}

// topLevel is what may stand at the root of the tree.
var topLevel = map[string]bool{"faasmrun": true, "scheduler": true, "worker": true, "mpi": true, "omp": true,
	"snapshot": true, "tui": true, "examples": true, "docs": true, "internal": true, "go.mod": true, "go.sum": true,
	"Makefile": true, "README.md": true, "CHANGELOG.md": true, "LICENSE": true}

func TestFloorPlan(t *testing.T) {
	found := map[string]bool{}
	for _, dir := range goPackages(t) {
		found[dir] = true
		allowed, known := allowedImports[dir]
		if !known {
			t.Errorf("package %s is not on the floor plan", dir)
			continue
		}
		pkg, err := build.ImportDir(filepath.Join("../..", dir), 0)
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, imported := range pkg.Imports {
			checkImport(t, dir, imported, allowed)
			checkLibrary(t, dir, imported)
			for _, banned := range pure[dir] {
				if imported == banned {
					t.Errorf("%s is pure and must not import %s", dir, imported)
				}
			}
		}
	}
	for dir := range allowedImports {
		if !found[dir] {
			t.Errorf("the floor plan names %s, which does not exist", dir)
		}
	}
}

func checkImport(t *testing.T, dir, imported string, allowed []string) {
	pkg, ours := strings.CutPrefix(imported, modulePath)
	if !ours {
		return
	}
	for _, a := range allowed {
		if a == pkg {
			return
		}
	}
	t.Errorf("%s imports %s: the floor plan has no such import", dir, pkg)
}

func checkLibrary(t *testing.T, dir, imported string) {
	for prefix, owners := range onlyIn {
		if !strings.HasPrefix(imported, prefix) {
			continue
		}
		ok := false
		for _, owner := range owners {
			ok = ok || owner == dir
		}
		if !ok {
			t.Errorf("%s imports %s, which belongs to %s alone", dir, imported, strings.Join(owners, ", "))
		}
	}
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if !topLevel[name] && !strings.HasPrefix(name, ".") && name != "bin" {
			t.Errorf("%s does not belong at the top level", name)
		}
	}
}

// goPackages lists the directories that hold Go code, relative to the root. Examples and test data are none of ours.
func goPackages(t *testing.T) []string {
	seen := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "testdata" || name == "examples" || name == "bin" || strings.HasPrefix(name, ".") &&
			len(name) > 2) {
			return filepath.SkipDir
		}
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			rel, err := filepath.Rel("../..", filepath.Dir(path))
			if err != nil {
				return err
			}
			seen[rel] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	dirs := make([]string, 0, len(seen))
	for dir := range seen {
		dirs = append(dirs, dir)
	}
	sort.Strings(dirs)
	return dirs
}
