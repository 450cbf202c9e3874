package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// triple is the target: WASI preview 1, which is what the executor serves.
const triple = "wasm64-wasip1"

// driver does what one command line asks for.
type driver struct {
	name  string // "cc" or "c++", for messages
	cmd   *command
	env   Env
	tools *tools
	sys   *sysroot
	tmp   string // directory of this run's intermediate objects, "" until the first
}

func (d *driver) run(ctx context.Context) error {
	defer d.cleanup()
	switch c := d.cmd; {
	case c.query != "":
		return d.answer(ctx, c.query)
	case c.show != "" && (!c.inputs() || c.show != "-show" && c.show != "-showme"):
		return d.showme(c.show)
	case c.verbose && !c.inputs():
		return d.exec(ctx, d.tools.clang, "--target="+triple, "-v")
	case !c.inputs() && !(c.mode == modeLink && c.libraries()): // main may be in a library
		return errors.New("no input files")
	case c.show != "":
		c.dryRun = true
	}
	if err := d.checkOutput(); err != nil {
		return err
	}
	if d.cmd.mode == modeLink && d.cmd.onlyHeaders() {
		d.cmd.mode, d.cmd.modeArg = modeCompile, "-c" // as gcc and clang do: there is nothing to link
	}
	if d.cmd.mode != modeLink {
		return d.compileOnly(ctx)
	}
	return d.compileAndLink(ctx)
}

// onlyHeaders reports whether headers are all there is to compile or link: they are precompiled.
func (c *command) onlyHeaders() bool {
	found := false
	for _, item := range c.link {
		switch {
		case item.kind == itemSource && item.header():
			found = true
		case item.kind == itemSource || item.kind == itemFile:
			return false
		}
	}
	return found
}

// header reports whether a source is a header, by -x or by its name.
func (i linkItem) header() bool {
	return strings.HasSuffix(i.lang, "-header") || i.lang == "" && headers[filepath.Ext(i.text)]
}

// checkOutput refuses to write over what is to be read: a slip of the pen would cost somebody their source.
func (d *driver) checkOutput() error {
	out, err := os.Stat(d.cmd.output)
	if err != nil || !out.Mode().IsRegular() {
		return nil
	}
	for _, item := range d.cmd.link {
		if item.kind != itemSource && item.kind != itemFile {
			continue
		}
		if in, err := os.Stat(item.text); err == nil && os.SameFile(in, out) {
			return fmt.Errorf("-o %s: the input is the same file", d.cmd.output)
		}
	}
	return nil
}

func (d *driver) warn(format string, args ...any) {
	fmt.Fprintf(d.env.Stderr, "faasmrun %s: warning: %s\n", d.name, fmt.Sprintf(format, args...))
}

// compileOnly runs clang for one source after the other, as their languages may differ: it names the outputs as a
// makefile expects. All are tried, and the first failure is the answer.
func (d *driver) compileOnly(ctx context.Context) error {
	for _, item := range d.cmd.link {
		if item.kind == itemFile {
			d.warn("%s: linker input is not used, because there is no link", item.text)
		}
	}
	sources := d.cmd.sourceFiles()
	switch {
	case len(sources) == 0:
		return errors.New("no source files")
	case len(sources) > 1 && d.cmd.output != "":
		return fmt.Errorf("-o %s: one output for %d files with %s", d.cmd.output, len(sources), d.cmd.modeArg)
	}
	var first error
	for i, item := range sources {
		if err := d.compile(ctx, i, item); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (d *driver) compile(ctx context.Context, i int, item linkItem) error {
	if d.inSteps(item) {
		object, err := d.temporary(i, item.text)
		if err != nil {
			return err
		}
		output := d.cmd.output
		if output == "" {
			output = outputName(item, d.cmd.modeArg)
		}
		if err := d.compileByIR(ctx, item, object, output); err != nil {
			return err
		}
		return d.afterCompile(item)
	}
	args := append(d.compileFlags(d.isCxx(item)), d.cmd.modeArg)
	if d.cmd.output != "" {
		args = append(args, "-o", d.cmd.output)
	}
	if err := d.clang(ctx, item, append(args, d.sourceArgs(item)...)...); err != nil {
		return err
	}
	if object := d.objectOf(item); object != "" {
		scratch, err := d.temporary(i, item.text)
		if err != nil {
			return err
		}
		if err := d.recompile(ctx, item, scratch, object); err != nil {
			return err
		}
	}
	return d.afterCompile(item)
}

// objectOf is the object that -c left of a source, "" where there is none.
func (d *driver) objectOf(source linkItem) string {
	object := d.cmd.output
	if object == "" {
		object = outputName(source, "-c")
	}
	if d.cmd.modeArg != "-c" || source.header() || !isFile(object) { // -o - or /dev/null
		return ""
	}
	return object
}

// afterCompile works on the object that -c left.
func (d *driver) afterCompile(source linkItem) error {
	object := d.objectOf(source)
	if object == "" {
		return nil
	}
	return d.mend(object)
}

// mend gives the symbols of an object that clang wrote the binding that they have elsewhere.
func (d *driver) mend(object string) error {
	if d.cmd.dryRun || !d.cmd.common && !d.cmd.openMP {
		return nil
	}
	return weaken(object, func(s dataSymbol) bool { return d.cmd.common && s.zeroed || d.cmd.openMP && s.ofOpenMP() })
}

// compileAndLink compiles each source to an object of its own in a temporary directory, then links in one step. An
// object's path has the source's name, so that the linker's messages can be put back into the user's words.
func (d *driver) compileAndLink(ctx context.Context) error {
	if d.cmd.measured != "" {
		d.warn("%s: the program runs without it and writes no profile", d.cmd.measured)
	}
	items := make([]linkItem, len(d.cmd.link))
	copy(items, d.cmd.link)
	for i, item := range items {
		if item.kind != itemSource {
			continue
		}
		if item.header() {
			return fmt.Errorf("%s: a header cannot be linked; compile it alone", item.text)
		}
		object, err := d.temporary(i, item.text)
		if err != nil {
			return err
		}
		if err := d.compileForLink(ctx, item, object); err != nil {
			return err
		}
		if err := d.mend(object); err != nil {
			return err
		}
		items[i] = linkItem{kind: itemFile, text: object}
	}
	return d.link(ctx, items)
}

func (d *driver) compileForLink(ctx context.Context, item linkItem, object string) error {
	if d.inSteps(item) {
		return d.compileByIR(ctx, item, object, object)
	}
	args := append(d.compileFlags(d.isCxx(item)), "-c", "-o", object)
	args = append(args, d.dependencyNames(outputName(item, "-c"))...)
	if err := d.clang(ctx, item, append(args, d.sourceArgs(item)...)...); err != nil {
		return err
	}
	return d.recompile(ctx, item, object, object)
}

// outputName is what clang calls the output for a source when the user names none.
func outputName(source linkItem, mode string) string {
	ext := ".o"
	if mode == "-S" {
		ext = ".s"
	}
	return strings.TrimSuffix(filepath.Base(source.text), filepath.Ext(source.text)) + ext
}

// compileFlags are the driver's own flags, then the user's, which therefore win.
func (d *driver) compileFlags(cxx bool) []string {
	c := d.cmd
	var args []string
	if c.cxx {
		args = append(args, "--driver-mode=g++")
	}
	args = append(args, "--no-default-config", "--target="+triple, "--sysroot="+d.sys.dir)
	args = slices.Concat(args, targetFlags, emulation, c.unixNames())
	if cxx {
		args = slices.Concat(args, cxxFlags, cxxExceptions, keepCalls)
	} else {
		args = append(append(args, lenientFlags...), sjljFlags...)
	}
	if cwd, err := os.Getwd(); err == nil && !strings.Contains(cwd, "=") {
		// The object depends on the source, not on the directory it was built in.
		args = append(args, "-ffile-compilation-dir=.", "-fdebug-prefix-map="+cwd+"=.",
			"-fdebug-prefix-map="+d.sys.dir+"=/sysroot")
	}
	if c.unrolls() {
		args = append(args, unrollFlags...)
	}
	if c.openMP {
		args = append(args, "-fopenmp")
	}
	args = append(append(args, "-O"+c.optimization()), c.compile...)
	// Our headers come before the compiler's own: among those is the omp.h of the host's runtime, if that is installed.
	args = append(args, "-isystem", d.sys.headers)
	if d.sys.simde != "" {
		args = append(args, "-isystem", d.sys.simde)
	}
	return args
}

// targetFlags: measured in facts on the engine. Without bulk memory, memcpy is 6 times slower; without simd128, kernels
// 1.3 times. Saturating conversions are what x86 programs are used to: a float out of range gives a value, not a trap.
// -pthread makes objects fit for modules with threads; a module without shared memory takes them too.
var targetFlags = []string{"-msimd128", "-mbulk-memory", "-mnontrapping-fptoint", "-pthread", "-Qunused-arguments",
	"-Wno-error=unknown-warning-option", "-Wno-error=ignored-optimization-argument",
	"-Wno-error=unsupported-floating-point-opt",
	"-Wno-deprecated-ofast"}

// emulation turns on the parts of wasi-libc that stand in for what WASI has not.
var emulation = []string{"-D_WASI_EMULATED_SIGNAL", "-D_WASI_EMULATED_PROCESS_CLOCKS", "-D_WASI_EMULATED_MMAN",
	"-D_WASI_EMULATED_GETPID"}

// unixNames say what this is, by the names that every Unix's compiler has; the plain one is not C's or C++'s own, and
// only GNU's dialects have it. Why there is no __linux__: docs/decisions.
func (c *command) unixNames() []string {
	names := []string{"-D__unix__=1", "-D__unix=1"}
	if c.gnuDialect() {
		names = append(names, "-Dunix=1")
	}
	return names
}

// sjljFlags make setjmp and longjmp work, in C by exceptions that are on for nothing else; cxxExceptions do both for
// C++.
var (
	sjljFlags     = []string{"-mllvm", "-wasm-enable-sjlj", "-mexception-handling"}
	cxxExceptions = []string{"-fwasm-exceptions", "-mllvm", "-wasm-enable-sjlj"}
)

// keepCalls: clang 19 writes the access to a thread_local variable that has a constructor as a call which lacks the
// mark of the catch it stands in, and LLVM then takes the rest of the catch for unreachable (fixed in later versions).
// This leaves out the step that drops such calls; other code comes out the same.
var keepCalls = []string{"-mllvm", "-disable-cleanups"}

// cxxFlags: g++ defines _GNU_SOURCE for C++, and programs count on it.
var cxxFlags = []string{"-D_GNU_SOURCE"}

// lenientFlags let clang 19 accept the C that gcc 12, Debian 12's mpicc, accepts with a warning.
var lenientFlags = []string{"-Wno-error=implicit-function-declaration", "-Wno-error=implicit-int",
	"-Wno-error=int-conversion",
	"-Wno-error=incompatible-function-pointer-types"}

// unrollFlags are the recipe that halves the cost of the engine's bounds checks in inner loops.
var unrollFlags = []string{"-mllvm", "-unroll-runtime", "-mllvm", "-unroll-threshold=400", "-mllvm",
	"-unroll-partial-threshold=400"}

// isCxx reports whether a source is C++: each gets its language's flags, for gcc compiles C++ too, by a file's name,
// and g++ C.
func (d *driver) isCxx(item linkItem) bool {
	if item.lang != "" {
		return strings.HasPrefix(item.lang, "c++")
	}
	return d.cmd.cxx || cxxSources[filepath.Ext(item.text)]
}

// sourceArgs names one source to clang. g++ compiles a .c file as C++ without a word, clang with one. Assembly is not
// checked for types: clang 19 takes vectors that are loaded from addresses of 64 bits, as it writes them itself, for
// mistakes, and what is wrong the link or whoever runs the program finds.
func (d *driver) sourceArgs(item linkItem) (args []string) {
	lang := item.lang
	if lang == "" && d.cmd.cxx {
		switch filepath.Ext(item.text) {
		case ".c":
			lang = "c++"
		case ".h":
			lang = "c++-header"
		}
	}
	if lang == "" && assembly[filepath.Ext(item.text)] || strings.HasPrefix(lang, "assembler") {
		args = append(args, "-Wa,--no-type-check")
	}
	if lang != "" {
		args = append(args, "-x", lang)
	}
	return append(args, item.text)
}

// dependencyNames answers -MD and -MMD where clang would take the names from a temporary file.
func (d *driver) dependencyNames(output string) []string {
	wanted, preprocessor, file, target := false, false, false, false
	for _, word := range d.cmd.compile {
		wanted = wanted || word == "-MD" || word == "-MMD"
		preprocessor = preprocessor || strings.HasPrefix(word, "-Wp,-MD,") || strings.HasPrefix(word, "-Wp,-MMD,")
		file = file || strings.HasPrefix(word, "-MF")
		target = target || strings.HasPrefix(word, "-MT") || strings.HasPrefix(word, "-MQ")
	}
	var args []string
	if wanted && !file {
		args = append(args, "-MF", strings.TrimSuffix(output, filepath.Ext(output))+".d")
	}
	if (wanted || preprocessor) && !target {
		args = append(args, "-MQ", output)
	}
	return args
}

// temporary is the path of the object of the i-th word of the link line.
func (d *driver) temporary(i int, source string) (string, error) {
	if d.tmp == "" {
		if d.cmd.dryRun {
			d.tmp = filepath.Join(os.TempDir(), "faasmcc-N")
		} else {
			tmp, err := os.MkdirTemp(d.env.getenv("TMPDIR"), "faasmcc-")
			if err != nil {
				return "", fmt.Errorf("temporary directory: %w", err)
			}
			d.tmp = tmp
		}
	}
	base := filepath.Base(source)
	if source == "-" {
		base = "stdin"
	}
	dir := filepath.Join(d.tmp, fmt.Sprint(i))
	if !d.cmd.dryRun {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, strings.TrimSuffix(base, filepath.Ext(base))+".o"), nil
}

func (d *driver) cleanup() {
	if d.tmp != "" && !d.cmd.dryRun {
		os.RemoveAll(d.tmp)
	}
}

// exec runs a tool on the caller's streams. A tool that fails has said why; its status becomes ours.
func (d *driver) exec(ctx context.Context, program string, args ...string) error {
	return d.execTo(ctx, d.env.Stderr, program, args...)
}

func (d *driver) execTo(ctx context.Context, stderr io.Writer, program string, args ...string) error {
	if d.cmd.verbose || d.cmd.show != "" {
		to := d.env.Stderr
		if d.cmd.show != "" {
			to = d.env.Stdout
		}
		fmt.Fprintln(to, quoteCommand(append([]string{program}, args...)))
	}
	if d.cmd.dryRun {
		return nil
	}
	tool := exec.CommandContext(ctx, program, args...)
	tool.Env = d.env.toolEnviron()
	tool.Stdin, tool.Stdout, tool.Stderr = d.env.Stdin, d.env.Stdout, stderr
	err := tool.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			return &statusError{128 + int(ws.Signal())}
		}
		return &statusError{exit.ExitCode()}
	case errors.Is(err, syscall.E2BIG):
		return d.execByFile(ctx, stderr, program, args)
	}
	return fmt.Errorf("%s: %w", program, err)
}

// execByFile runs a tool whose command line is longer than the kernel allows.
func (d *driver) execByFile(ctx context.Context, stderr io.Writer, program string, args []string) error {
	var text bytes.Buffer
	for _, arg := range args {
		fmt.Fprintf(&text, "\"%s\"\n", strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(arg))
	}
	file, err := d.temporary(len(d.cmd.link), "arguments")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
		return err
	}
	return d.execTo(ctx, stderr, program, "@"+file)
}

// quoteCommand writes a command line that a shell reads back.
func quoteCommand(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = word
		if word == "" || strings.ContainsAny(word, " \t\n\"'\\$`*?[](){}<>|&;#~!") {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
