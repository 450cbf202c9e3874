package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// Version is what comes next, until a release drops the suffix; CHANGELOG.md names each release's commit.
const Version = "0.2.0-development"

func VersionVerb() int {
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				revision = ", revision " + s.Value[:12]
			}
		}
	}
	fmt.Printf("faasmrun %s (MPI standard ABI 5.0%s, %s, %s/%s)\n", Version, revision, runtime.Version(), runtime.GOOS,
		runtime.GOARCH)
	return 0
}

// VerbNames are the verbs that help and suggestions know.
var VerbNames = []string{"run", "cc", "c++", "cmake", "configure", "make", "toolchain", "compile",
	"inspect", "submit", "queue", "history",
	"show", "explain", "steps", "cancel", "hold", "release",
	"requeue", "attach", "wait", "logs", "top", "nodes", "drain", "resume", "reservation", "usage", "simulate", "auth",
	"scheduler", "worker",
	"version", "help", "completion"}

func IsVerb(word string) bool {
	for _, v := range VerbNames {
		if v == word {
			return true
		}
	}
	return strings.HasPrefix(word, cobra.ShellCompRequestCmd)
}
