package toolchain

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// inSteps reports whether a source is compiled in steps: something of LLVM's text of it may have to be mended.
func (d *driver) inSteps(item linkItem) bool {
	c := d.cmd
	ownMode := c.modeArg != "" && c.modeArg != "-c" && c.modeArg != "-S"
	if item.header() || ownMode || slices.Contains(c.compile, "-emit-llvm") {
		return false
	}
	return c.openMP || d.losesPhis(item)
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
	mended := keepPhis(module)
	if commonLock.Match(module) {
		if mended == nil {
			mended = module
		}
		mended = commonLock.ReplaceAll(mended, []byte("${1}weak global"))
	}
	return mended
}

// commonLock is the lock of a critical section or a reduction: of those with one name the linker is to keep one. clang
// 19 makes it a common symbol, of which wasm has none, so that nothing defines it; for wasm32 it knows that.
var commonLock = regexp.MustCompile(`(?m)^(@"?\.gomp_critical_user_[^=]* = )common global`)

// compileByIR compiles in steps, for mendModule to stand before the last. Their sum is what clang does at once: where
// nothing is to mend, the last takes the code from the first, and the object is the same byte for byte, which what is
// read from the text need not be.
func (d *driver) compileByIR(ctx context.Context, item linkItem, scratch, output string) error {
	mode, named := "-c", outputName(item, "-c")
	if d.cmd.mode != modeLink {
		mode, named = d.cmd.modeArg, output
	}
	flags := slices.Clip(d.compileFlags(d.isCxx(item)))
	base := strings.TrimSuffix(scratch, ".o")
	code, text := base+".bc", base+".ll"
	front := append(flags, "-c", "-emit-llvm", "-Xclang", "-emit-llvm-uselists", "-o", code)
	front = append(front, d.dependencyNames(named)...)
	if err := d.clang(ctx, item, append(front, d.sourceArgs(item)...)...); err != nil {
		return err
	}
	back := slices.Clip(append(flags, "-Xclang", "-disable-llvm-passes", "-x", "ir"))
	if err := d.exec(ctx, d.tools.clang, append(back, "-S", "-emit-llvm", "-o", text, code)...); err != nil {
		return err
	}
	if !d.cmd.dryRun {
		module, err := os.ReadFile(text)
		if err != nil {
			return err
		}
		if mended := mendModule(module); mended != nil {
			if err := os.WriteFile(text, mended, 0o644); err != nil {
				return err
			}
			code = text
		}
	}
	return d.clangOnIR(ctx, item, append(back, mode, "-o", output, code)...)
}
