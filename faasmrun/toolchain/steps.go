package toolchain

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// inSteps reports whether a source is compiled in steps at once: something of LLVM's text of it may have to be mended.
// Others are where their object shows that it has (recompiled), if it is an object, and of a source that can be read
// again.
func (d *driver) inSteps(item linkItem) bool {
	c := d.cmd
	ownMode := c.modeArg != "" && c.modeArg != "-c" && c.modeArg != "-S"
	if item.header() || ownMode || slices.Contains(c.compile, "-emit-llvm") {
		return false
	}
	return c.openMP || d.losesPhis(item) || isC(item) && (c.modeArg == "-S" || !isFile(item.text))
}

// isC reports whether a source is C or C++, and no header.
func isC(item linkItem) bool {
	switch ext := filepath.Ext(item.text); item.lang {
	case "":
		return !headers[ext] && (ext == ".c" || ext == ".i" || cxxSources[ext])
	case "c", "c++", "cpp-output", "c++-cpp-output":
		return true
	}
	return false
}

// losesPhis reports whether a source needs keepPhis: C++ that is optimised, for without that every variable stays in
// memory.
func (d *driver) losesPhis(item linkItem) bool {
	c := d.cmd
	if c.optimization() == "0" {
		return false
	}
	if item.lang != "" {
		return item.lang == "c++" || item.lang == "c++-cpp-output"
	}
	ext := filepath.Ext(item.text)
	return !headers[ext] && (cxxSources[ext] || d.cmd.cxx && (ext == ".c" || ext == ".i"))
}

// mendModule mends LLVM's text of a module, and returns nil where there is nothing to mend.
func mendModule(module []byte) []byte {
	changed := false
	for _, mend := range []func(module []byte) []byte{keepPhis, wrapCasts, shareLocks} {
		if mended := mend(module); mended != nil {
			module, changed = mended, true
		}
	}
	if !changed {
		return nil
	}
	return module
}

// shareLocks makes the lock of each name one for all files, and returns nil where there is none.
func shareLocks(module []byte) []byte {
	if !commonLock.Match(module) {
		return nil
	}
	return commonLock.ReplaceAll(module, []byte("${1}weak global"))
}

// commonLock is the lock of a critical section or a reduction: of those with one name the linker is to keep one. clang
// 19 makes it a common symbol, of which wasm has none, so that nothing defines it; for wasm32 it knows that.
var commonLock = regexp.MustCompile(`(?m)^(@"?\.gomp_critical_user_[^=]* = )common global`)

// compileByIR compiles in steps, for mendModule to stand before the last. Their sum is what clang does at once: where
// nothing is to mend, the last takes the code from the first, and the object is the same byte for byte, which what is
// read from the text need not be.
func (d *driver) compileByIR(ctx context.Context, item linkItem, scratch, output string) error {
	code, _, err := d.compileToIR(ctx, item, scratch, output)
	if err != nil {
		return err
	}
	return d.compileIR(ctx, item, code, output)
}

// compileToIR compiles a source to LLVM's code, and mends that.
func (d *driver) compileToIR(ctx context.Context, item linkItem, scratch, output string, more ...string) (
	code string, mended bool, err error) {
	named := outputName(item, "-c")
	if d.cmd.mode != modeLink {
		named = output
	}
	flags := slices.Clip(append(d.compileFlags(d.isCxx(item)), more...))
	base := strings.TrimSuffix(scratch, ".o")
	code, text := base+".bc", base+".ll"
	front := append(flags, "-c", "-emit-llvm", "-Xclang", "-emit-llvm-uselists", "-o", code)
	front = append(front, d.dependencyNames(named)...)
	if err := d.clang(ctx, item, append(front, d.sourceArgs(item)...)...); err != nil {
		return "", false, err
	}
	back := append(d.backFlags(item), "-S", "-emit-llvm", "-o", text, code)
	if err := d.exec(ctx, d.tools.clang, back...); err != nil || d.cmd.dryRun {
		return code, false, err
	}
	module, err := os.ReadFile(text)
	if err != nil {
		return "", false, err
	}
	if module = mendModule(module); module == nil {
		return code, false, nil
	}
	return text, true, os.WriteFile(text, module, 0o644)
}

// backFlags are for LLVM's code, of which all passes but the last have been run.
func (d *driver) backFlags(item linkItem) []string {
	return append(d.compileFlags(d.isCxx(item)), "-Xclang", "-disable-llvm-passes", "-x", "ir")
}

// compileIR is the last step.
func (d *driver) compileIR(ctx context.Context, item linkItem, code, output string) error {
	mode := "-c"
	if d.cmd.mode != modeLink {
		mode = d.cmd.modeArg
	}
	return d.clangOnIR(ctx, item, append(d.backFlags(item), mode, "-o", output, code)...)
}

// recompile compiles a source once more, in steps, if the object that clang has made of it may convert floating-point
// numbers: few do, and a text costs time. What there is to say of the source has been said.
func (d *driver) recompile(ctx context.Context, item linkItem, scratch, object string) error {
	if d.cmd.dryRun || !isC(item) || slices.Contains(d.cmd.compile, "-emit-llvm") || !mayConvert(object) {
		return nil
	}
	code, mended, err := d.compileToIR(ctx, item, scratch, object, "-w")
	if err != nil || !mended {
		return err
	}
	return d.compileIR(ctx, item, code, object)
}
