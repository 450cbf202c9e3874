package launch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
)

const emptyModule = "\x00asm\x01\x00\x00\x00"

func TestFindProgram(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	for _, name := range []string{filepath.Join(dir, "a.wasm"), filepath.Join(dir, "c.wasm"),
		filepath.Join(other, "b.wasm"), filepath.Join(other, "a.wasm")} {
		if err := os.WriteFile(name, []byte(emptyModule), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ program, want, fault string }{
		{"a.wasm", dir + "/a.wasm", ""},
		{"./a.wasm", dir + "/a.wasm", ""},
		{"b.wasm", other + "/b.wasm", ""},
		{other + "/b.wasm", other + "/b.wasm", ""},
		{"./b.wasm", "", "program ./b.wasm was not found"},
		{"nosuch", "", "program nosuch was not found in " + dir + " or along PATH"},
		{"c", "", "program c was not found in " + dir + " or along PATH; did you mean c.wasm?"},
		{"./c", "", "program ./c was not found; did you mean ./c.wasm?"},
		{"shceduler", "", "program shceduler was not found in " + dir + " or along PATH; did you mean faasmrun scheduler?"},
		{"A=1", "", "program A=1 was not found in " + dir + " or along PATH; variables are set with -x NAME=VALUE"},
		{"a.wasm/x", "", "program a.wasm/x cannot be read: not a directory"},
	} {
		got, err := FindProgram(c.program, dir, other)
		if err != nil && err.Error() != c.fault || err == nil && c.fault != "" || got != c.want {
			t.Errorf("%s: got %q, %v", c.program, got, err)
		}
	}
}

func TestReadModule(t *testing.T) {
	dir := t.TempDir()
	const howTo = "; compile the source with faasmrun cc (or c++) and run the result"
	for _, c := range []struct{ name, text, fault string }{
		{"module", emptyModule, ""},
		{"component", "\x00asm\x0d\x00\x01\x00",
			"is a WebAssembly component; only core modules run here (build for wasm32-wasip1)"},
		{"future", "\x00asm\x02\x00\x00\x00", "is WebAssembly of version 2; only version 1 runs here"},
		{"cut", "\x00asm\x01", "is a WebAssembly module cut off in its first bytes; copy or compile it again"},
		{"empty", "", "is empty"},
		{"elf", "\x7fELF\x02\x01\x01\x00\x00", "is a native program, not a WebAssembly module" + howTo},
		{"script", "#!/bin/sh\necho", "is a script, not a WebAssembly module" + howTo},
		{"text", "#include <mpi.h>\n", "is a text file, not a WebAssembly module" + howTo},
		{"archive", "!<arch>\n", "is a library, not a WebAssembly module" + howTo},
		{"bitcode", "BC\xc0\xde1234", "is LLVM bitcode, not a linked WebAssembly module" + howTo},
		{"noise", "\x01\x02\x03\x00", "is not a WebAssembly module" + howTo},
	} {
		file := filepath.Join(dir, c.name)
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := readModule(file, "./"+c.name)
		var launch *cli.LaunchError
		switch {
		case c.fault == "" && (err != nil || string(m.Bytes) != c.text || len(m.Sha256) != 64):
			t.Errorf("%s: %v", c.name, err)
		case c.fault != "" && (!errors.As(err,
			&launch) || launch.Status != statusNotAProgram || launch.Text != "./"+c.name+" "+c.fault):
			t.Errorf("%s: %v", c.name, err)
		}
	}
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{dir: "x is a directory, not a program",
		"/dev/null": "x is a device, not a program", pipe: "x is a pipe, not a program"} {
		if _, err := readModule(file, "x"); err == nil || err.Error() != want {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestDirectories(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	s := &Segment{}
	for _, text := range []string{"/", ".::data/in:ro", dir} {
		if err := s.addMount(text); err != nil {
			t.Fatal(err)
		}
	}
	got, mounts, err := s.directories()
	if err != nil || got != dir {
		t.Fatalf("%s, %v", got, err)
	}
	var shown []string
	for _, m := range mounts {
		ro := ""
		if m.ReadOnly {
			ro = " ro"
		}
		shown = append(shown, m.HostDir+" as "+m.GuestDir+ro)
	}
	want := []string{dir + " as " + dir, "/ as /", dir + " as /data/in ro", dir + " as " + dir}
	if strings.Join(shown, ", ") != strings.Join(want, ", ") {
		t.Errorf("got %v, want %v", shown, want)
	}
	for name, want := range map[string]string{"nosuch": "directory " + dir +
		"/nosuch cannot be used: no such file or directory", "file": dir + "/file is not a directory"} {
		var launch *cli.LaunchError
		if _, _, err := (&Segment{dir: name}).directories(); !errors.As(err, &launch) || launch.Status != statusNoDirectory ||
			launch.Text != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
