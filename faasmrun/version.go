package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is what comes next, until a release drops the suffix; CHANGELOG.md names each release's commit.
const version = "0.2.0-development"

func versionVerb() int {
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				revision = ", revision " + s.Value[:12]
			}
		}
	}
	fmt.Printf("faasmrun %s (MPI standard ABI 5.0%s, %s, %s/%s)\n", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return 0
}
