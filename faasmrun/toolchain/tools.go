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
	builtins string // compiler-rt's archive for wasm32
}

// packages are what a Debian machine needs; README names them too. binutils (ar) comes with clang.
const packages = "clang-19 lld-19 libclang-rt-19-dev-wasm32 make xz-utils ca-certificates"

// missingError says what is not installed and how to get it, in one line.
type missingError struct{ what string }

func (e *missingError) Error() string {
	return fmt.Sprintf("%s is missing; install it with: apt-get install -y %s", e.what, packages)
}

func findTools(env Env) (*tools, error) {
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
		return nil, &missingError{"compiler-rt for wasm32 (" + t.builtins + ")"}
	}
	return t, nil
}

const builtinsArchive = "/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a"

// findProgram looks name up on the caller's PATH, then at its fixed place.
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
	return "", &missingError{name}
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
var leaking = map[string]bool{"CPATH": true, "C_INCLUDE_PATH": true, "CPLUS_INCLUDE_PATH": true, "OBJC_INCLUDE_PATH": true,
	"LIBRARY_PATH": true, "COMPILER_PATH": true, "CCC_OVERRIDE_OPTIONS": true, "CLANG_CONFIG_FILE_SYSTEM_DIR": true,
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
