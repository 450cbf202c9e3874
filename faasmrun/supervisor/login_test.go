package supervisor

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever a login shell's files make of PATH, the script finds the job's commands first, and its arguments, name and
// status are its own.
func TestLoginShells(t *testing.T) {
	home := t.TempDir()
	compat := filepath.Join(home, "it's here")
	script := filepath.Join(home, "job.sh")
	for _, err := range []error{os.Mkdir(compat, 0o755),
		os.WriteFile(filepath.Join(home, ".profile"), []byte("PATH=/usr/bin:/bin\n"), 0o644),
		os.WriteFile(filepath.Join(compat, "srun"), []byte("#!/bin/sh\necho ours \"$@\"\n"), 0o755),
		os.WriteFile(script, []byte("srun \"$2\" ${0##*/}\nexit 7\n"), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, words := range [][]string{{"/bin/bash", "-l"}, {"/bin/bash", "--login"}, {"/bin/bash", "-el"},
		{"/bin/sh", "-l"}, {"/bin/bash"}, {"/bin/bash", "-e"}} {
		words = append(loginWords(words, compat), script, "first", "two words")
		cmd := &exec.Cmd{Path: words[0], Args: words, Env: []string{"HOME=" + home, "PATH=" + compat + ":/usr/bin:/bin"}}
		out, err := cmd.Output()
		if cmd.ProcessState.ExitCode() != 7 || strings.TrimSpace(string(out)) != "ours two words job.sh" {
			t.Errorf("%q: %q, %v", words, out, err)
		}
	}
	for _, words := range [][]string{{"/usr/bin/perl", "-l"}, {"/bin/bash", "-x"}, {"/bin/bash", "--posix"}} {
		if got := loginWords(words, compat); len(got) != 2 {
			t.Errorf("%q became %q", words, got)
		}
	}
}

// What make install puts beside each other, and what a supervisor makes where nothing is installed, are the same names.
func TestInstalledNames(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if list := "for name in " + strings.Join(compatNames, " ") + "; do"; !strings.Contains(string(makefile), list) {
		t.Errorf("the Makefile does not install %q", compatNames)
	}
}
