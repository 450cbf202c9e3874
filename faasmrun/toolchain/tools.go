package toolchain

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tools are the programs and directories of the host that the driver calls.
type tools struct {
	clang    string // clang-19; called with --driver-mode=g++ for C++
	linker   string // wasm-ld-19
	builtins string // compiler-rt's archive for wasm64
	sdk      string // $WASI_SDK_PATH, where they come from when it is set
}

// packages are what a Debian machine needs; README names them too. binutils (ar) comes with clang.
const packages = "clang-19 lld-19 libclang-rt-19-dev-wasm64 make xz-utils ca-certificates"

// missingError says what is not installed and how to get it, in one line.
type missingError struct{ what, note string }

func (e *missingError) Error() string {
	return fmt.Sprintf("%s is missing%s; install it with: apt-get install -y %s", e.what, e.note, packages)
}

func findTools(env Env) (*tools, error) {
	if sdk := env.getenv("WASI_SDK_PATH"); sdk != "" {
		return findSDK(sdk)
	}
	t := &tools{}
	var err error
	if t.clang, err = findProgram(env, "clang-19", "/usr/lib/llvm-19/bin/clang"); err != nil {
		return nil, err
	}
	if t.linker, err = findProgram(env, "wasm-ld-19", "/usr/lib/llvm-19/bin/wasm-ld"); err != nil {
		return nil, err
	}
	t.builtins = builtinsArchive
	if _, err := os.Stat(t.builtins); err != nil {
		return nil, &missingError{what: "compiler-rt for wasm64 (" + t.builtins + ")"}
	}
	return t, nil
}

const builtinsArchive = "/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm64.a"

// findSDK takes the tools of a wasi-sdk. The libraries are ours all the same, built by its clang: its own have no
// exceptions and come in two kinds, with threads and without.
func findSDK(sdk string) (*tools, error) {
	t := &tools{sdk: sdk, clang: filepath.Join(sdk, "bin", "clang"), linker: filepath.Join(sdk, "bin", "wasm-ld")}
	for _, dir := range []string{"wasip1", "wasi", "wasm64-unknown-wasip1", "wasm64-wasip1"} {
		found, _ := filepath.Glob(filepath.Join(sdk, "lib/clang/*/lib", dir, "libclang_rt.builtins*.a"))
		if len(found) > 0 {
			t.builtins = found[0]
			break
		}
	}
	for _, path := range []string{t.clang, t.linker, t.builtins} {
		if !isFile(path) {
			return nil, fmt.Errorf("WASI_SDK_PATH is %s, but there is no wasi-sdk: bin/clang, bin/wasm-ld and "+
				"libclang_rt.builtins are looked for", sdk)
		}
	}
	return t, nil
}

// findProgram looks name up on the caller's PATH, then at its usual path.
func findProgram(env Env, name, fallback string) (string, error) {
	for _, dir := range filepath.SplitList(env.getenv("PATH")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	if path, err := exec.LookPath(fallback); err == nil {
		return path, nil
	}
	missing := &missingError{what: name}
	if other := otherVersion(env, strings.TrimSuffix(name, "-19")); other != "" {
		missing.note = " (" + other + " is another version: exceptions and longjmp follow the compiler's)"
	}
	return "", missing
}

// otherVersion finds a program by its name alone or with another version behind it.
func otherVersion(env Env, base string) string {
	for _, dir := range filepath.SplitList(env.getenv("PATH")) {
		for _, pattern := range []string{base, base + "-[0-9][0-9]"} {
			if found, _ := filepath.Glob(filepath.Join(dir, pattern)); len(found) > 0 {
				return found[0]
			}
		}
	}
	return ""
}

func (e Env) getenv(key string) string {
	value := ""
	for _, kv := range e.Environ {
		if k, v, ok := strings.Cut(kv, "="); ok && k == key {
			value = v // the last one counts, as in os/exec
		}
	}
	return value
}

// leaking are the variables by which a host's headers or options reach clang unasked.
var leaking = map[string]bool{"CPATH": true, "C_INCLUDE_PATH": true, "CPLUS_INCLUDE_PATH": true,
	"OBJC_INCLUDE_PATH": true,
	"LIBRARY_PATH":      true, "COMPILER_PATH": true, "CCC_OVERRIDE_OPTIONS": true, "CLANG_CONFIG_FILE_SYSTEM_DIR": true,
	"CLANG_CONFIG_FILE_USER_DIR": true, "SDKROOT": true, "DEPENDENCIES_OUTPUT": true}

// toolEnviron is the environment for clang and the linker.
func (e Env) toolEnviron() []string {
	var out []string
	for _, kv := range e.Environ {
		if key, _, _ := strings.Cut(kv, "="); !leaking[key] {
			out = append(out, kv)
		}
	}
	return out
}
