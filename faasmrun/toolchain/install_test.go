package toolchain

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecondInstall starts while another process builds: it waits, finds what the other has built, and builds nothing.
func TestSecondInstall(t *testing.T) {
	root, found := t.TempDir(), &tools{clang: "/nowhere/clang"}
	dir := filepath.Join(root, sysrootName(found))
	stale := filepath.Join(root, ".build-killed")
	unlock, err := lockDirectory(t.Context(), root, func(string, int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 16)
	got := make(chan error)
	go func() {
		where, err := install(t.Context(), Env{}, found, root, func(step string, _, _ int) { said <- step })
		if err == nil && where != dir {
			err = fmt.Errorf("the libraries are in %s", where)
		}
		got <- err
	}()
	if step := <-said; !strings.Contains(step, "waiting for another faasmrun") {
		t.Errorf("it says %q", step)
	}
	for _, made := range []string{dir, runtimeDir(root, found), intrinsicsDir(root)} {
		if err := errors.Join(os.Mkdir(made, 0o755),
			os.WriteFile(filepath.Join(made, manifestName), []byte("{}"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(stale, 0o755); err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
	if len(said) > 0 {
		t.Errorf("it also did: %s", <-said)
	}
	if _, err := os.Stat(stale); err == nil {
		t.Error("what a killed build left is still there")
	}
}

// TestNoSources says what is wrong where the sources can't be had.
func TestNoSources(t *testing.T) {
	if len(sourceLines("/etc/apt")) == 0 {
		t.Skip("no Debian mirror in /etc/apt: nothing here would be asked")
	}
	for _, c := range []struct{ name, apt, want string }{
		{"without apt", "", "apt-get is missing: the sources come from a Debian mirror"},
		{"without a network", "#!/bin/sh\necho \"E: Could not resolve 'a-mirror'\" >&2\nexit 100\n", "is there a network?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bin := t.TempDir()
			if c.apt != "" {
				if err := os.WriteFile(filepath.Join(bin, "apt-get"), []byte(c.apt), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", bin+":/bin")
			if c.apt == "" {
				t.Setenv("PATH", bin)
			}
			_, err := install(t.Context(), System(), &tools{clang: "/nowhere/clang"}, t.TempDir(), func(string, int, int) {})
			if err == nil || !strings.Contains(err.Error(), c.want) ||
				!strings.Contains(err.Error(), "building the C and C++ libraries") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestArchivers makes libraries by the tools of binutils and of LLVM, with an index and without, and links them.
func TestArchivers(t *testing.T) {
	l := newLab(t)
	l.write("m.c", "int used(void); int main(void) { return used(); }\n")
	l.write("u.c", "int used(void) { return 0; }\n")
	l.ok("cc", "-c", "u.c")
	tried := 0
	for _, kind := range []struct{ ar, ranlib string }{{"ar", "ranlib"}, {"llvm-ar-19", "llvm-ranlib-19"}} {
		for _, flags := range []string{"rcS", "rcs"} {
			if _, err := exec.LookPath(kind.ar); err != nil {
				continue // machines have one of them, or both
			}
			tried++
			lib := kind.ar + flags
			for _, args := range [][]string{{kind.ar, flags, "lib" + lib + ".a", "u.o"}, {kind.ranlib, "lib" + lib + ".a"}} {
				if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
					t.Errorf("%q: %v\n%s", args, err, out)
				}
				l.ok("cc", "m.c", "-L.", "-l"+lib, "-o", lib+".wasm")
			}
		}
	}
	if tried == 0 {
		t.Error("neither binutils nor LLVM has an ar here, and clang can't be installed without")
	}
}

// TestForeignSDK compiles, links and runs with the tools of a directory that is laid out as a wasi-sdk is. The tools
// are the machine's and so are the libraries, which are built by the same compiler; what of them is small is built
// anew.
func TestForeignSDK(t *testing.T) {
	bin := launcher(t)
	l := newLab(t)
	here, err := findTools(Env{Environ: l.env})
	if err != nil {
		t.Fatal(err)
	}
	if here.sdk != "" {
		t.Skip("the machine's own tools are a wasi-sdk's: all tests run with it")
	}
	sdk, home := filepath.Join(t.TempDir(), "wasi-sdk-25.0"), t.TempDir()
	for name, target := range map[string]string{"bin/clang": here.clang, "bin/wasm-ld": here.linker,
		"lib/clang/19/lib/wasip1/libclang_rt.builtins-wasm64.a": here.builtins} {
		to := filepath.Join(sdk, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.Symlink(target, to)); err != nil {
			t.Fatal(err)
		}
	}
	built, err := Install(t.Context(), Env{Environ: l.env}, func(string, int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	l.env = append(l.env, "WASI_SDK_PATH="+sdk, "FAASMRUN_HOME="+home)
	env := Env{Environ: l.env}
	found, err := findTools(env)
	if err != nil {
		t.Fatal(err)
	}
	ours := filepath.Join(home, "cache/sysroot", sysrootName(found))
	if err := errors.Join(os.MkdirAll(filepath.Dir(ours), 0o755), os.Symlink(built, ours)); err != nil {
		t.Fatal(err)
	}
	if dir, err := Install(t.Context(), env, func(string, int, int) {}); err != nil || dir != ours {
		t.Fatalf("%s, %v", dir, err)
	}
	l.write("p.cc", "#include <iostream>\n#include <stdexcept>\n"+
		"int main() { try { throw std::runtime_error(\"thrown\"); } catch (std::exception &e) { std::cout << e.what() << "+
		"std::endl; } }\n")
	if said := l.ok("c++", "-v", "-show", "p.cc"); !strings.Contains(said, sdk+"/bin/clang ") ||
		!strings.Contains(said, sdk+"/bin/wasm-ld ") {
		t.Errorf("these tools are not the sdk's:\n%s", said)
	}
	l.ok("c++", "p.cc", "-o", "p.wasm")
	if status, stdout, stderr := execute(t, bin, "./p.wasm"); status != 0 || stdout != "thrown\n" {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	if said, err := Status(env); err != nil || !strings.Contains(said, sdk) {
		t.Errorf("%v\n%s", err, said)
	}
}
