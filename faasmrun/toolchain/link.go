package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/faasmrun/faasmrun/internal/filetype"
	"github.com/faasmrun/faasmrun/internal/wasm"
)

// stackSize is a native program's: scientific codes keep large arrays in local variables. It costs address space alone,
// for a linear memory's pages are committed when they are touched. -Wl,-z,stack-size=N chooses another.
const stackSize = 8 << 20

// The stack comes first in memory, so that one that overflows leaves the memory and traps instead of overwriting data.
// What wasm-ld takes for its lowest bytes are none of it: null pointers trap there, and an overflow comes upon them.
const sizeOption = "stack-size="

// withNullPage makes of the size of a stack the size that wasm-ld is told. What is no number wasm-ld refuses.
func withNullPage(size string) string {
	n, err := strconv.ParseUint(size, 0, 64)
	if err != nil || n > maxMemory {
		return size
	}
	return strconv.FormatUint(n+wasm.NullPage, 10)
}

// link joins objects and libraries to a module by wasm-ld. clang's own link step is never used: it runs whatever
// wasm-opt stands on the PATH. The module keeps clang's exceptions and its DWARF; a worker lowers the former when it
// compiles.
func (d *driver) link(ctx context.Context, items []linkItem) error {
	r := &resolver{sys: d.sys, cxx: d.cmd.cxx}
	words, err := r.resolve(items)
	if err != nil {
		return err
	}
	raw, err := d.temporary(len(items), "")
	if err != nil {
		return err
	}
	raw = filepath.Join(filepath.Dir(raw), filepath.Base(d.output())) // the linker notes its output's name as the module's
	if d.cmd.relocatable {
		return d.linkObject(ctx, words, raw)
	}
	chosen := d.cmd.linkChosen("--shared-memory")
	shared := d.cmd.openMP || d.cmd.threads || chosen
	data, err := d.linkAs(ctx, r, words, raw, shared)
	if err == nil && !d.cmd.dryRun && !chosen && needsThreads(data) != shared {
		// -fopenmp or -pthread, but nothing makes a thread, in directives for SIMD alone, say: such a program has its memory
		// to itself, which is quicker. Or one that makes threads, and no word of it, as with glibc.
		data, err = d.linkAs(ctx, r, words, raw, !shared)
	}
	if err != nil || d.cmd.dryRun {
		return err
	}
	if isProbe(d.output()) {
		if err := withoutAbsent(data); err != nil {
			return err
		}
	}
	if err := errors.Join(d.writeMaps(raw), d.noteFailing(mapFile(raw))); err != nil {
		return err
	}
	return writeProgram(d.output(), data)
}

// mapFile is where the linker writes what it took from where.
func mapFile(raw string) string { return raw + ".map" }

// writeMaps writes the linker's map where the user wants it.
func (d *driver) writeMaps(raw string) error {
	if len(d.cmd.maps) == 0 || d.cmd.dryRun {
		return nil
	}
	text, err := os.ReadFile(mapFile(raw))
	if err != nil {
		return err
	}
	for _, name := range d.cmd.maps {
		if name == "-" {
			_, err = d.env.Stdout.Write(text)
		} else {
			err = os.WriteFile(name, text, 0o666)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isProbe reports whether a program is one that a build system links to learn whether functions are there: Autoconf's
// scripts and CMake's try_compile name them so.
func isProbe(output string) bool {
	name := filepath.Base(output)
	return name == "conftest" || strings.HasPrefix(name, "conftest.") || cmakeProbe.MatchString(name)
}

var cmakeProbe = regexp.MustCompile(`^cmTC_[0-9a-f]+$`)

// withoutAbsent refuses a module that has functions of MPI that mpi.h declares and no worker has yet: they link in a
// program, which may never call them, but who probes for one would choose to.
func withoutAbsent(module []byte) error {
	m, err := wasm.Decode(module)
	if err != nil {
		return nil // wasm-ld's own module; whoever runs it will say what is wrong with it
	}
	there := probedFunctions()
	for _, im := range m.Imports {
		if im.Module == "mpi" && !slices.Contains(there, im.Name) {
			return fmt.Errorf("undefined symbol: %s: of MPI's functions this version has those that docs/mpi-support.md lists",
				im.Name)
		}
	}
	return nil
}

// linkObject joins objects to one, without the libraries.
func (d *driver) linkObject(ctx context.Context, words []string, raw string) error {
	args := append([]string{"-m", "wasm64", "-r"}, words...)
	err := d.runLinker(ctx, append(args, "-o", raw, "-Map="+mapFile(raw)))
	if err != nil || d.cmd.dryRun {
		return err
	}
	if err := d.writeMaps(raw); err != nil {
		return err
	}
	data, err := os.ReadFile(raw)
	if err != nil {
		return err
	}
	return writeProgram(d.output(), data)
}

// needsThreads reports whether a module may have threads: it needs anything of OpenMP's runtime, or makes some.
func needsThreads(module []byte) bool {
	m, err := wasm.Decode(module)
	if err != nil {
		return true // wasm-ld's own module; whoever runs it will say what is wrong with it
	}
	known := ompFunctions()
	return slices.ContainsFunc(m.Imports, func(im wasm.Import) bool {
		return slices.Contains(known, im.Name) || im.Module == "faasmrun" && im.Name == "thread_start"
	})
}

// linkAs links a module with a memory of its own, or one whose memory threads share, and returns it; nil in a dry run.
func (d *driver) linkAs(ctx context.Context, r *resolver, words []string, raw string, shared bool) ([]byte, error) {
	// crt1-command.o would wrap every export in constructors and destructors.
	start := filepath.Join(d.sys.lib, "crt1.o")
	if r.cxx {
		start = filepath.Join(d.sys.runtime, "crt1-c++.o")
	}
	args := slices.Clone(words)
	if !d.cmd.linkChosen(sizeOption) {
		args = append(args, "-z", fmt.Sprint(sizeOption, stackSize))
	}
	for i, word := range args {
		if size, ok := strings.CutPrefix(word, sizeOption); ok {
			args[i] = sizeOption + withNullPage(size)
		}
	}
	// The function table begins at 2: index 1 is MPI_COMM_DUP_FN in the MPI ABI, and no function of the program may have
	// it.
	args = append(args, "--table-base=2", "--stack-first", "--export=__stack_pointer", "--error-limit=0",
		"--allow-undefined-file="+filepath.Join(d.sys.headers, mpiSymbols), "-L"+d.sys.runtime, "-L"+d.sys.lib)
	if shared {
		args = append(args, d.sharedMemory()...)
	} else {
		args = append(args, filepath.Join(d.sys.runtime, "tls.o"))
	}
	if d.cmd.openMP {
		args = append(args, "--allow-undefined-file="+filepath.Join(d.sys.headers, ompSymbols))
	}
	if r.cxx {
		args = append(args, "-lc++", "-lc++abi")
	}
	args = append(args, systemLibraries...)
	args = append(args, d.tools.builtins, "-o", raw, "-Map="+mapFile(raw))
	args, err := d.runLinkerOver(ctx, []string{"-m", "wasm64", start}, args, raw)
	if err != nil || d.cmd.dryRun {
		return nil, err
	}
	data, err := os.ReadFile(raw)
	if err != nil {
		return nil, err
	}
	data, err = adaptCalls(data, func(exports []string) ([]byte, error) {
		again := slices.Clone(args)
		for _, name := range exports {
			again = append(again, "--export-if-defined="+name)
		}
		if err := d.execTo(ctx, io.Discard, d.tools.linker, again...); err != nil {
			return nil, err
		}
		return os.ReadFile(raw)
	})
	if err == nil {
		data, err = adaptPointers(data)
	}
	if err == nil && shared && !d.cmd.linkChosen("--max-memory=") {
		data, err = raiseMaximum(data)
	}
	if err != nil {
		return nil, err
	}
	return wasm.MarkLowest(data, wasm.NullPage), nil
}

// sharedMemory are the options for a module whose threads are instances over one memory, which the host hands in. A new
// thread's instance gets a stack (__stack_pointer) and its thread-local variables (__wasm_init_tls, __tls_size bytes at
// __tls_align), then enters libc (__faasmrun_thread_enter) and calls a function of the table. Before the first one the
// host says once that there will be threads (__faasmrun_threads_start): until then libc takes no locks.
func (d *driver) sharedMemory() []string {
	args := []string{"--shared-memory", "--import-memory", "--export-memory", "--export-table"}
	for _, name := range []string{"__wasm_init_tls", "__tls_base", "__tls_size", "__tls_align",
		"__faasmrun_threads_start", "__faasmrun_thread_enter"} {
		args = append(args, "--export="+name)
	}
	if !d.cmd.linkChosen("--max-memory=") {
		args = append(args, fmt.Sprintf("--max-memory=%d", linkerMaximum))
	}
	return args
}

// A memory that threads share has a maximum, for which engines may reserve addresses. The job's own ceiling is
// --mem-per-rank, and an engine with 32 bits of address gives less. wasm-ld 19 takes no more than linkerMaximum.
const (
	maxMemory     = 64 << 30
	linkerMaximum = 16 << 30
)

// raiseMaximum lets the shared memory of a module that was linked with linkerMaximum grow to maxMemory.
func raiseMaximum(module []byte) ([]byte, error) {
	m, err := wasm.Decode(module)
	if err != nil {
		return nil, fmt.Errorf("wasm-ld's module: %w", err)
	}
	for i := range m.Imports {
		if im := &m.Imports[i]; im.Kind == wasm.KindMemory && im.Memory.Shared && im.Memory.Max == linkerMaximum>>16 {
			im.Memory.Max = maxMemory >> 16
		}
	}
	return m.Encode(), nil
}

// systemLibraries complete every link. The first is ours; the second makes printf and scanf understand long double, and
// the next four stand for what WASI has not.
var systemLibraries = []string{"-lfaasmrun", "-lc-printscan-long-double", "-lwasi-emulated-signal",
	"-lwasi-emulated-process-clocks",
	"-lwasi-emulated-mman", "-lwasi-emulated-getpid", "-lc"}

func (d *driver) output() string {
	if d.cmd.output != "" {
		return d.cmd.output
	}
	return "a.out"
}

// runLinker runs wasm-ld and passes on what it says.
func (d *driver) runLinker(ctx context.Context, args []string) error {
	text, err := d.tryLinker(ctx, args)
	return d.tell(text, err)
}

// tell writes what wasm-ld said, and returns its error or that of writing.
func (d *driver) tell(text string, err error) error {
	if _, werr := io.WriteString(d.env.Stderr, text); werr != nil && err == nil {
		err = werr
	}
	return err
}

// tryLinker runs wasm-ld and returns what it says, with the names of temporary objects put back to the sources'.
func (d *driver) tryLinker(ctx context.Context, args []string) (string, error) {
	var said bytes.Buffer
	err := d.execTo(ctx, &said, d.tools.linker, args...)
	text := said.String()
	if d.tmp != "" {
		for i, item := range d.cmd.link {
			if item.kind == itemSource {
				text = strings.ReplaceAll(text, filepath.Join(d.tmp, fmt.Sprint(i))+"/", "")
			}
		}
	}
	if !d.cmd.openMP && undefinedOpenMP.MatchString(text) {
		text += "faasmrun " + d.name + ": these are OpenMP's functions: link with -fopenmp as well\n"
	}
	if strings.Contains(text, "wasm32 object file can't be linked") {
		text += "faasmrun " + d.name + ": programs are for wasm64 now: compile what is for wasm32 anew with faasmrun cc\n"
	}
	if undefinedMPI.MatchString(text) {
		text += "faasmrun " + d.name + ": of MPI's functions this version has those that docs/mpi-support.md lists\n"
	}
	return text, err
}

var (
	undefinedOpenMP = regexp.MustCompile(`undefined symbol: (omp_|__kmpc_)`)
	undefinedMPI    = regexp.MustCompile(`undefined symbol: P?MPI_`)
)

// writeProgram writes an executable file. A reader sees the old program or the new one, whole; what is not a plain file
// (/dev/null) is written as it stands.
func writeProgram(name string, data []byte) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(name, data, 0o777)
	}
	tmp := filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s.%d", filepath.Base(name), os.Getpid()))
	if err := os.WriteFile(tmp, data, 0o777); err != nil {
		os.Remove(tmp)
		return err
	}
	if err := os.Rename(tmp, name); err != nil {
		os.Remove(tmp)
		return err
	}
	return nil
}

// resolver turns the user's -L, -l and files into words for wasm-ld. It does the search itself, because a makefile's
// directories may hold the host's libraries under the same names, and its -lm or -lmpi may stand for nothing here.
type resolver struct {
	sys *sysroot
	cxx bool // the C++ runtime is wanted
}

func (r *resolver) resolve(items []linkItem) ([]string, error) {
	var dirs []string
	for _, item := range items {
		if item.kind == itemLibDir && !hostDirectory(item.text) {
			dirs = append(dirs, item.text)
		}
	}
	dirs = append(dirs, r.sys.lib)
	var words []string
	for _, item := range items {
		switch item.kind {
		case itemFile:
			if what := hostBinary(item.text); what != "" {
				return nil, fmt.Errorf("%s is %s for the host, not for WebAssembly: compile it with faasmrun cc (an old one of a "+
					"native build? make clean; a makefile that names gcc itself? name mpicc there)", item.text, what)
			}
			words = append(words, item.text)
		case itemOption:
			words = append(words, item.text)
		case itemLibrary:
			path, err := r.library(dirs, item.text)
			if err != nil {
				return nil, err
			}
			if path != "" {
				words = append(words, path)
			}
		}
	}
	return words, nil
}

// library finds the archive of -l name; "" means that nothing is needed.
func (r *resolver) library(dirs []string, name string) (string, error) {
	if cxxLibraries[name] {
		r.cxx = true
		return "", nil
	}
	file, exact := strings.CutPrefix(name, ":")
	if !exact {
		file = "lib" + name + ".a"
	}
	skipped := ""
	for _, dir := range dirs {
		path := filepath.Join(dir, file)
		if !isFile(path) {
			continue
		}
		if hostBinary(path) != "" {
			skipped = path
			continue
		}
		return path, nil
	}
	if emptyLibraries[name] {
		return "", nil
	}
	if skipped != "" {
		return "", fmt.Errorf("-l%s: %s was built for the host; build the library with faasmrun cc", name, skipped)
	}
	return "", fmt.Errorf("-l%s: no %s for WebAssembly in %s", name, file, strings.Join(dirs, ", "))
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// hostBinary says what kind of native file path is, or "" when it is not one. wasm-ld says no more than "unknown file
// type".
func hostBinary(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return "" // the linker will say it
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, _ := io.ReadFull(f, head)
	head = head[:n]
	if filetype.Of(head) == filetype.Archive {
		return archiveOfHost(f)
	}
	return nativeMagic(head)
}

func nativeMagic(head []byte) string {
	switch filetype.Of(head) {
	case filetype.ELF, filetype.MachO:
		return "an object or program"
	}
	return ""
}

// archiveOfHost looks at the members of an ar archive up to the first that is an object.
func archiveOfHost(f *os.File) string {
	if archiveHolds(f, func(head []byte) bool { return nativeMagic(head) != "" }) {
		return "an archive of objects"
	}
	return ""
}

// archiveHolds reports whether one of the first members of an ar archive begins as is says.
func archiveHolds(f *os.File, is func(head []byte) bool) bool {
	offset := int64(8)
	for range 16 {
		header := make([]byte, 60+4)
		n, _ := f.ReadAt(header, offset)
		if n < 64 {
			return false
		}
		var size int64
		if _, err := fmt.Sscanf(string(bytes.TrimSpace(header[48:58])), "%d", &size); err != nil || size < 0 {
			return false
		}
		if is(header[60:]) {
			return true
		}
		offset += 60 + size + size&1
	}
	return false
}
