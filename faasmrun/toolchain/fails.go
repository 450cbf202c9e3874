package toolchain

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// failing is a function of the C library that links and always fails.
type failing struct {
	name string
	how  string // the errno that it sets or returns, or what else it returns
}

// alwaysFailing are the functions that the sources of our own library mark with FAILS, by name.
var alwaysFailing = sync.OnceValue(func() []failing {
	var list []failing
	for _, file := range compatSources {
		text, err := fs.ReadFile(overlay, "overlay/compat/"+file+".c")
		if err != nil {
			panic(err) // it is embedded
		}
		for _, m := range markedFailing.FindAllSubmatch(text, -1) {
			list = append(list, failing{string(m[2]), string(m[1])})
		}
	}
	slices.SortFunc(list, func(a, b failing) int { return strings.Compare(a.name, b.name) })
	return list
})

var markedFailing = regexp.MustCompile(`(?m)^FAILS\((-?\w+)\)[\w\s*]*?(\w+)\(`)

// noteFailing says which functions of a program always fail: those that the linker took from our library, by its map. A
// build system's probe is not told: its words would be an answer.
func (d *driver) noteFailing(mapFile string) error {
	if isProbe(d.output()) {
		return nil
	}
	names, err := failingIn(mapFile)
	if err != nil || len(names) == 0 {
		return err
	}
	_, err = fmt.Fprintf(d.env.Stderr, "faasmrun %s: %s uses %s: %s here (docs/unsupported.md)\n", d.name,
		filepath.Base(d.output()), strings.Join(names, ", "), plural(len(names), "this always fails", "these always fail"))
	return err
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// failingIn lists the functions in a linker's map that always fail. A line of the map ends in the object that a
// function is from and its name: …/libfaasmrun.a(process.o):(fork). What the program never calls is not in it, nor what
// it brings itself.
func failingIn(mapFile string) ([]string, error) {
	text, err := os.ReadFile(mapFile)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, function := range alwaysFailing() {
		known[function.name] = true
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		_, rest, ours := strings.Cut(line, "/"+ownLibrary+"(")
		if _, name, found := strings.Cut(rest, "):("); ours && found && known[strings.TrimSuffix(name, ")")] {
			names = append(names, strings.TrimSuffix(name, ")"))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// ownLibrary is the archive of overlay/compat.
const ownLibrary = "libfaasmrun.a"
