package toolchain

import (
	"bytes"
	"context"
	"io"
	"os"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// clang runs clang for a source and says what it says, but for its words on inline assembly of another processor:
// those are of invalid constraints, registers and instructions, and not why they are invalid.
func (d *driver) clang(ctx context.Context, source linkItem, args ...string) error {
	said, err := d.capture(ctx, args)
	d.env.Stderr.Write(nameAssembly(said, source.text))
	return err
}

// clangOnIR runs clang for what it made of a source before. Of inline assembly it knows no places then: compiling the
// source at once tells them.
func (d *driver) clangOnIR(ctx context.Context, source linkItem, args ...string) error {
	said, err := d.capture(ctx, args)
	if err != nil && bytes.Contains(said, []byte("<inline asm>:")) {
		whole := append(d.compileFlags(d.isCxx(source)), "-c", "-o", os.DevNull)
		if again, err := d.capture(ctx, append(whole, d.sourceArgs(source)...)); err != nil {
			said = again
		}
	}
	d.env.Stderr.Write(nameAssembly(said, source.text))
	return err
}

// capture runs clang and returns what it wrote to stderr, in colour where the user sees it on a terminal.
func (d *driver) capture(ctx context.Context, args []string) ([]byte, error) {
	if isTerminal(d.env.Stderr) {
		args = append([]string{"-fcolor-diagnostics"}, args...)
	}
	var said bytes.Buffer
	err := d.execTo(ctx, &said, d.tools.clang, args...)
	return said.Bytes(), err
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

var (
	colours     = regexp.MustCompile("\x1b\\[[0-9;]*[mK]")
	diagnostic  = regexp.MustCompile(`^(.*?):(\d+):(\d+): (error|warning|note): (.*)$`)
	ofAssembly  = regexp.MustCompile(`^(invalid (output|input) constraint|unknown register name) '.*' in asm$`)
	crashOfLLVM = "PLEASE submit a bug report"
)

// inAssembly is the file that clang names for the text of inline assembly.
const inAssembly = "<inline asm>"

// nameAssembly puts a sentence of ours in place of each error of clang's about inline assembly, and leaves the rest.
func nameAssembly(said []byte, source string) []byte {
	lines := strings.SplitAfter(string(said), "\n")
	plain := make([][]string, len(lines)) // each line's parts if it begins a diagnostic
	for i, line := range lines {
		plain[i] = diagnostic.FindStringSubmatch(strings.TrimRight(colours.ReplaceAllString(line, ""), "\n"))
	}
	// next is the place of the diagnostic behind the one at i.
	next := func(i int) int {
		for i++; i < len(lines) && plain[i] == nil; i++ {
		}
		return i
	}
	var out strings.Builder
	found := false
	for i := 0; i < len(lines); i++ {
		at := plain[i]
		n := next(i)
		switch {
		case at == nil && found && strings.HasPrefix(lines[i], crashOfLLVM):
			return []byte(out.String()) // the assembly is what it stumbled over
		case at != nil && at[1] == inAssembly && (at[4] == "note" && found):
			i = n - 1
		case at != nil && at[4] == "error" && at[1] == inAssembly:
			found = true
			out.WriteString(source + ": error: x86 inline assembly in " + source + noAssembly)
		case at != nil && at[4] == "error" && (ofAssembly.MatchString(at[5]) ||
			n < len(lines) && plain[n][1] == inAssembly && plain[n][4] == "note"):
			found = true
			out.WriteString(strings.Join(at[1:4], ":") + ": error: x86 inline assembly in " + at[1] + ":" + at[2] + noAssembly)
		default:
			out.WriteString(lines[i])
		}
	}
	return []byte(out.String())
}

const noAssembly = ": a module has none of x86's instructions; where __x86_64__ is not defined, say it in C or by " +
	"x86intrin.h\n"
