package toolchain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/faasmrun/faasmrun/internal/filetype"
	"github.com/faasmrun/faasmrun/internal/wasm"
)

// binutils are the tools for objects, archives and programs that makefiles call by name: what a kit has beside the
// compilers, so that they know WebAssembly. Each is LLVM's under GNU's name and letters, except for strip.
var binutils = []string{"ar", "ranlib", "nm", "strip", "size", "objdump", "objcopy"}

// Binutil behaves as one of them. It returns the tool's exit status.
func Binutil(name string, args []string, env Env) int {
	return report(name, env, func(ctx context.Context) error {
		switch name {
		case "strip":
			return strip(ctx, args, env)
		case "ar":
			args = archiveLetters(args)
		case "ranlib":
			args = slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == "-t" || arg == "-c" })
		}
		return runBinutil(ctx, name, args, env)
	})
}

// IsBinutil reports whether a program of that name is one of them.
func IsBinutil(name string) bool { return slices.Contains(binutils, name) }

// archiveLetters takes GNU's letters that llvm-ar refuses out of ar's first word: o outside of extraction, f, and a
// second mention of what stands for one operation alone mean nothing when an archive is written. Where the first word
// is the archive, the letters are what is missing: packages keep them with the name (AR="ar -rcu"), and configure was
// given the name of this one instead.
func archiveLetters(args []string) []string {
	switch {
	case len(args) == 0 || strings.HasPrefix(args[0], "--"):
		return args
	case !strings.HasPrefix(args[0], "-") && strings.HasSuffix(args[0], ".a"):
		return append([]string{"rc"}, args...)
	}
	letters := strings.TrimPrefix(args[0], "-")
	if strings.ContainsAny(letters, "rq") {
		letters = strings.NewReplacer("o", "", "f", "").Replace(letters)
	}
	return append([]string{args[0][:len(args[0])-len(strings.TrimPrefix(args[0], "-"))] + letters}, args[1:]...)
}

// runBinutil runs LLVM's tool of that name, which knows the host's files too, or where LLVM's are not installed the
// host's, which knows those alone.
func runBinutil(ctx context.Context, name string, args []string, env Env) error {
	program, err := findProgram(env, "llvm-"+name+"-19", "/usr/lib/llvm-19/bin/llvm-"+name)
	if err != nil {
		if name != "ar" && name != "ranlib" && slices.ContainsFunc(args, isWasm) {
			return fmt.Errorf("the host's %s does not know WebAssembly; install LLVM's: apt-get install -y llvm-19", name)
		}
		if program, err = hostBinutil(name, env); err != nil {
			return err
		}
	}
	return runTool(ctx, program, args, env)
}

func runTool(ctx context.Context, program string, args []string, env Env) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env.Environ, env.Stdin, env.Stdout, env.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &statusError{exit.ExitCode()}
	}
	return err
}

// hostBinutil finds the host's tool on the PATH, behind the kit's own.
func hostBinutil(name string, env Env) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	for _, dir := range filepath.SplitList(env.getenv("PATH")) {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			continue
		}
		if real, err := filepath.EvalSymlinks(path); err == nil && real != self {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is missing; install it with: apt-get install -y llvm-19 binutils", name)
}

// strip takes the debug information out of programs. Their functions' names stay, as with -s in a link: a trap's
// backtrace is worthless without them. Objects and archives of WebAssembly stay as they are: wasm-ld needs their
// symbols, and a link with -s leaves out the rest. What is for the host goes to the host's strip.
func strip(ctx context.Context, args []string, env Env) error {
	var options, files, host []string
	output := ""
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "-o" && i+1 < len(args):
			i++
			output = args[i]
		case strings.HasPrefix(arg, "-o") && len(arg) > 2:
			output = arg[2:]
		case stripPairs[arg] && i+1 < len(args):
			options = append(options, arg, args[i+1])
			i++
		case strings.HasPrefix(arg, "-"):
			options = append(options, arg)
		default:
			files = append(files, arg)
		}
	}
	if output != "" && len(files) > 1 {
		return errors.New("-o: one output for several files")
	}
	for _, file := range files {
		if !isWasm(file) {
			host = append(host, file)
			continue
		}
		if err := stripWasm(file, output); err != nil {
			return err
		}
	}
	if len(host) == 0 && len(files) > 0 {
		return nil
	}
	program, err := hostBinutil("strip", env)
	if err != nil {
		return err
	}
	if output != "" {
		options = append(options, "-o", output)
	}
	return runTool(ctx, program, append(options, host...), env)
}

// stripPairs are strip's options whose argument is the next word.
var stripPairs = map[string]bool{"-K": true, "-N": true, "-R": true, "-F": true, "-I": true, "-O": true}

// stripWasm writes file without debug information to output, or in its place where output is "".
func stripWasm(file, output string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if output == "" {
		output = file
	}
	if filetype.IsWasm(data) {
		m, err := wasm.Decode(data)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if !slices.ContainsFunc(m.Customs, func(c wasm.Custom) bool { return c.Name == "linking" }) {
			m.Customs = slices.DeleteFunc(m.Customs, func(c wasm.Custom) bool { return strings.HasPrefix(c.Name, ".debug_") })
			data = m.Encode()
		}
	}
	return writeLike(file, output, data)
}

// writeLike writes data to output with file's mode.
func writeLike(file, output string, data []byte) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if err := writeProgram(output, data); err != nil {
		return err
	}
	return os.Chmod(output, info.Mode().Perm())
}

// isWasm reports whether a file is an object or a program of WebAssembly, or an archive of such.
func isWasm(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 8)
	n, _ := f.ReadAt(head, 0)
	head = head[:n]
	return filetype.IsWasm(head) || filetype.Of(head) == filetype.Archive && archiveHolds(f, filetype.IsWasm)
}
