package launch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/internal/filetype"
	"github.com/faasmrun/faasmrun/internal/openmp"
	"github.com/faasmrun/faasmrun/internal/wasm"
)

// Statuses that Open MPI 4 exits with when a program is not found, may not be read, or is no program.
const (
	statusNotFound    = 134
	statusNotReadable = 132
	statusNotAProgram = 131
)

// Module is a program file that has been read.
type Module struct {
	Sha256     string
	Bytes      []byte
	usesOpenMP bool
}

// maxModule bounds what is read as a program: a file given by mistake should not fill the memory.
const maxModule = 1 << 30

// readModule reads a program's file and sees that it is a WebAssembly module, as far as its first bytes tell. Its
// errors name the program as it was typed.
func readModule(file, program string) (*Module, error) {
	// Without blocking, because opening a pipe would wait for someone to write to it.
	f, err := os.OpenFile(file, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, cli.Failure(statusNotReadable, fmt.Sprintf("%s cannot be read: %s", program, cli.Reason(err)))
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return nil, cli.Failure(statusNotAProgram, fmt.Sprintf("%s is %s, not a program", program, kindOf(info.Mode())))
	}
	data, err := io.ReadAll(io.LimitReader(f, maxModule+1))
	if err != nil {
		return nil, cli.Failure(statusNotReadable, fmt.Sprintf("%s cannot be read: %s", program, cli.Reason(err)))
	}
	if len(data) > maxModule {
		return nil, cli.Failure(statusNotAProgram,
			fmt.Sprintf("%s is larger than the %d MiB that a program may have", program, maxModule>>20))
	}
	if what := notAModule(data); what != "" {
		return nil, cli.Failure(statusNotAProgram, fmt.Sprintf("%s %s", program, what))
	}
	sum := sha256.Sum256(data)
	return &Module{hex.EncodeToString(sum[:]), data, usesOpenMP(data)}, nil
}

func kindOf(mode os.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&os.ModeNamedPipe != 0:
		return "a pipe"
	case mode&os.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// notAModule says what a file is that is no WebAssembly module, and what to do; "" for a module. The module's inside is
// judged by the worker, which compiles it, but for what builtFor32 sees.
func notAModule(data []byte) string {
	const howTo = "; compile the source with faasmrun cc (or c++) and run the result"
	switch filetype.Of(data) {
	case filetype.Module:
		if builtFor32(data) {
			return "was compiled for wasm32, as faasmrun 0.1.0 did: build it again with `faasmrun cc`"
		}
		return ""
	case filetype.Component:
		return "is a WebAssembly component; only core modules run here (build for wasm32-wasip1)"
	case filetype.ShortModule:
		return "is a WebAssembly module cut off in its first bytes; copy or compile it again"
	case filetype.OtherVersion:
		return fmt.Sprintf("is WebAssembly of version %d; only version 1 runs here", filetype.Version(data))
	case filetype.Empty:
		return "is empty"
	case filetype.ELF:
		return "is a native program, not a WebAssembly module" + howTo
	case filetype.Script:
		return "is a script, not a WebAssembly module" + howTo
	case filetype.Bitcode:
		return "is LLVM bitcode, not a linked WebAssembly module" + howTo
	case filetype.Archive:
		return "is a library, not a WebAssembly module" + howTo
	case filetype.Text:
		return "is a text file, not a WebAssembly module" + howTo
	}
	return "is not a WebAssembly module" + howTo
}

// usesOpenMP reports whether a module does, as the job's scheduler will find: from an outline, whatever else is wrong.
func usesOpenMP(data []byte) bool {
	m, err := wasm.ReadOutline(bytes.NewReader(data), int64(len(data)))
	return err == nil && openmp.Used(m.Imports)
}

// builtFor32 reports whether a module calls MPI with addresses of 32 bits, as no later version than 0.1.0 builds. A job
// of it would only end in the queue.
func builtFor32(data []byte) bool {
	m, err := wasm.Decode(data)
	if err != nil { // what is wrong with it the worker says
		return false
	}
	return slices.ContainsFunc(m.Imports, func(i wasm.Import) bool { return i.Module == "mpi" }) &&
		!slices.ContainsFunc(m.Spaces().Memories, func(l wasm.Limits) bool { return l.Is64 })
}

// FindProgram looks a program up as mpirun does: a name with a slash as it is, seen from the working directory; a bare
// name in the working directory, then along the path.
func FindProgram(program, dir, searchPath string) (string, error) {
	if strings.Contains(program, "/") {
		file := program
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		if _, err := os.Stat(file); err != nil {
			return "", programError(program, dir, err)
		}
		return file, nil
	}
	for _, d := range append([]string{dir}, filepath.SplitList(searchPath)...) {
		if d == "" {
			d = dir
		}
		file := filepath.Join(d, program)
		if info, err := os.Stat(file); err == nil && (d == dir || !info.IsDir()) {
			return file, nil
		}
	}
	return "", programError(program, dir, os.ErrNotExist)
}

// programError explains a program that was not found, and guesses what was meant.
func programError(program, dir string, err error) error {
	if !os.IsNotExist(err) {
		return cli.Failure(statusNotReadable, fmt.Sprintf("program %s cannot be read: %s", program, cli.Reason(err)))
	}
	text := fmt.Sprintf("program %s was not found", program)
	if !strings.Contains(program, "/") {
		text += fmt.Sprintf(" in %s or along PATH", dir)
	}
	beside := program
	if !filepath.IsAbs(beside) {
		beside = filepath.Join(dir, beside)
	}
	switch _, statErr := os.Stat(beside + ".wasm"); {
	case statErr == nil:
		text += fmt.Sprintf("; did you mean %s.wasm?", program)
	case nearest(program, cli.VerbNames) != "" && !strings.Contains(program, "."):
		text += fmt.Sprintf("; did you mean faasmrun %s?", nearest(program, cli.VerbNames))
	case strings.Contains(program, "="):
		text += "; variables are set with -x NAME=VALUE"
	}
	return cli.Failure(statusNotFound, text)
}
