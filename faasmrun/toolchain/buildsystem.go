package toolchain

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// CMake runs cmake with a toolchain file that points it at our compilers, so that find_package(MPI) finds MPI. The
// arguments are cmake's; those that build, install or run scripts pass through as they are. It returns cmake's status.
func CMake(args []string, env Env) int {
	return wrap("cmake", env, func(ctx context.Context, k *kit) error {
		if configures(args) {
			args = append([]string{"-DCMAKE_TOOLCHAIN_FILE=" + filepath.Join(k.dir, "faasmrun.cmake")}, args...)
		}
		return k.run(ctx, "cmake", args)
	})
}

// configures reports whether a cmake command line configures a build. Everything else names its mode first.
func configures(args []string) bool {
	if len(args) == 0 {
		return false
	}
	for _, mode := range []string{"--build", "--install", "--open", "-E", "-P", "--find-package", "--workflow",
		"--version", "-version", "-V", "--help", "-h", "-help"} {
		if args[0] == mode || strings.HasPrefix(args[0], "--help-") {
			return false
		}
	}
	for _, arg := range args {
		if strings.HasPrefix(arg, "-DCMAKE_TOOLCHAIN_FILE") || strings.HasPrefix(arg, "--toolchain") {
			return false // the user's own; it may include ours
		}
	}
	return true
}

// Configure runs a configure script (the first argument if it is one, else ./configure) as a cross build for our
// target. It returns the script's status.
func Configure(args []string, env Env) int {
	return wrap("configure", env, func(ctx context.Context, k *kit) error {
		script := "./configure"
		if len(args) > 0 && !strings.HasPrefix(args[0], "-") && isFile(args[0]) {
			script, args = args[0], args[1:]
			if !strings.ContainsRune(script, '/') {
				script = "./" + script
			}
		}
		if !isFile(script) {
			return fmt.Errorf("there is no %s here", script)
		}
		if takesHost(script) && !hasHost(args) {
			args = append([]string{"--host=" + hostName(ctx, script)}, args...)
		}
		return k.run(ctx, script, args)
	})
}

// takesHost reports whether a configure script knows --host: Autoconf's do; those written by hand may refuse what they
// don't know, and take the compilers from the environment.
func takesHost(script string) bool {
	text, err := os.ReadFile(script)
	return err == nil && bytes.Contains(text, []byte("--host"))
}

func hasHost(args []string) bool {
	for _, arg := range args {
		if arg == "--host" || strings.HasPrefix(arg, "--host=") {
			return true
		}
	}
	return false
}

// hostName is the name for our target that the package's config.sub accepts, and those of the packages within it that
// the script configures too: those of before 2018 know no WASI, older ones no wasm. The last is a machine of the same
// sizes and byte order.
func hostName(ctx context.Context, script string) string {
	names := []string{"wasm64-unknown-wasi", "wasm64-unknown-none", "wasm64-unknown-elf", "x86_64-unknown-none",
		"x86_64-unknown-elf"}
	subs := configSubs(script, 0)
	for _, name := range names {
		accepted := !slices.ContainsFunc(subs, func(sub string) bool {
			return exec.CommandContext(ctx, "sh", sub, name).Run() != nil
		})
		if accepted {
			return name
		}
	}
	return names[0]
}

var (
	auxDirectory = regexp.MustCompile(`(?m)^(?:for ac_dir in|ac_aux_dir_candidates=)(.+?)(?:; do)?$`)
	subPackages  = regexp.MustCompile(`(?m)^ac_subdirs_all='([^']*)'`)
)

// configSubs finds the config.sub of a configure script of Autoconf's, where the script itself looks for it
// (AC_CONFIG_AUX_DIR), and those of the scripts that it runs.
func configSubs(script string, depth int) []string {
	text, err := os.ReadFile(script)
	if err != nil {
		return nil
	}
	dir := filepath.Dir(script)
	var subs []string
	for _, line := range auxDirectory.FindAllSubmatch(text, -1) {
		list := strings.NewReplacer(`"`, "", "${srcdir}", dir, "$srcdir", dir, "$PATH_SEPARATOR", " ",
			"${PATH_SEPARATOR}", " ").Replace(string(line[1]))
		for _, aux := range strings.Fields(list) {
			if sub := filepath.Join(aux, "config.sub"); isFile(sub) && len(subs) == 0 {
				subs = append(subs, sub)
			}
		}
	}
	if found := subPackages.FindSubmatch(text); found != nil && depth < 4 {
		for _, name := range strings.Fields(string(found[1])) {
			subs = append(subs, configSubs(filepath.Join(dir, name, "configure"), depth+1)...)
		}
	}
	return subs
}

// Make runs make with the kit's environment: makefiles without a configure script find the compilers, as what they call
// by default or by the names of wrappers, and tools that know their files. It returns make's status.
func Make(args []string, env Env) int {
	return wrap("make", env, func(ctx context.Context, k *kit) error { return k.run(ctx, "make", args) })
}

// kit is what a build system needs beside the compilers: a directory with the compilers under the names they are looked
// for, CMake's files, and the environment that names it all.
type kit struct {
	dir     string
	environ []string
	env     Env
}

func wrap(name string, env Env, f func(context.Context, *kit) error) int {
	return report(name, env, func(ctx context.Context) error {
		k, err := newKit(ctx, name, env)
		if err != nil {
			return err
		}
		return f(ctx, k)
	})
}

func newKit(ctx context.Context, name string, env Env) (*kit, error) {
	t, err := findTools(env)
	if err != nil {
		return nil, err
	}
	sys, err := openSysroot(ctx, env, t, PrintProgress(env.Stderr, name))
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	k := &kit{env: env}
	files := kitFiles(self, sys)
	sum := sha256.New()
	for _, f := range files {
		fmt.Fprintf(sum, "%s %s\n%s\n", f.name, f.link, f.text)
	}
	k.dir = filepath.Join(filepath.Dir(sys.headers), "kit-"+hex.EncodeToString(sum.Sum(nil))[:16])
	if err := ensureTree(k.dir, func(tmp string) error { return writeKit(tmp, files) }); err != nil {
		return nil, err
	}
	bin := filepath.Join(k.dir, "bin")
	k.environ = append(append([]string{}, env.Environ...), "PATH="+bin+string(filepath.ListSeparator)+env.getenv("PATH"),
		"CC="+filepath.Join(bin, "mpicc"), "CXX="+filepath.Join(bin, "mpicxx"), "MPICC="+filepath.Join(bin, "mpicc"),
		"MPICXX="+filepath.Join(bin, "mpicxx"), "LD="+t.linker)
	for _, name := range binutils {
		k.environ = append(k.environ, strings.ToUpper(name)+"="+filepath.Join(bin, name))
	}
	k.environ = append(k.environ, answers...)
	if env.getenv("CMAKE_TOOLCHAIN_FILE") == "" {
		// Makefiles and configure scripts run cmake, too: METIS' does. With the compilers alone it takes them for the
		// host's, and builds shared libraries.
		k.environ = append(k.environ, "CMAKE_TOOLCHAIN_FILE="+filepath.Join(k.dir, "faasmrun.cmake"))
	}
	if env.getenv("PKG_CONFIG_LIBDIR") == "" {
		// pkg-config would tell of the host's libraries; PKG_CONFIG_PATH is for the user's own.
		k.environ = append(k.environ, "PKG_CONFIG_LIBDIR="+filepath.Join(sys.dir, "lib", "pkgconfig"))
	}
	return k, nil
}

// answers settle what a configure script can only find out by running a program, and what a cross build assumes
// wrongly. Fortran's are for scripts that ask a compiler for names and libraries though they build C alone: they would
// ask the host's.
var answers = []string{"ac_cv_func_malloc_0_nonnull=yes", "ac_cv_func_realloc_0_nonnull=yes",
	"ac_cv_func_calloc_0_nonnull=yes",
	"ac_cv_func_fork_works=no", "ac_cv_func_vfork_works=no", "ac_cv_func_mmap_fixed_mapped=no", "ac_cv_c_bigendian=no",
	"ac_cv_func_memcmp_working=yes", "ac_cv_func_strtod=yes", "ac_cv_func_lstat_dereferences_slashed_symlink=yes",
	"ac_cv_func_stat_empty_string_bug=no",
	"gl_cv_func_working_mktime=yes", "ac_cv_func_working_mktime=yes",
	"ac_cv_f77_libs=", "ac_cv_f77_dummy_main=none", "ac_cv_f77_mangling=lower case, underscore, no extra underscore",
	"ac_cv_fc_libs=", "ac_cv_fc_dummy_main=none", "ac_cv_fc_mangling=lower case, underscore, no extra underscore"}

// hostArchiver finds the ar for our own libraries: with binutils', which clang brings along, they are the same on each
// machine.
func hostArchiver(env Env) (string, error) {
	return findProgram(env, "ar", "/usr/lib/llvm-19/bin/llvm-ar")
}

type kitFile struct{ name, link, text string }

// kitFiles lists a kit's contents. The compilers and tools are links to this program, which goes by the name it is
// called.
func kitFiles(self string, sys *sysroot) []kitFile {
	files := []kitFile{{name: "cmake/Platform/WASI.cmake", text: platformWASI}}
	for _, name := range []string{"mpicc", "mpicxx", "mpic++", "mpiCC", "faasmcc", "faasmc++"} {
		files = append(files, kitFile{name: "bin/" + name, link: self})
	}
	for _, name := range binutils {
		files = append(files, kitFile{name: "bin/" + name, link: self})
	}
	for _, name := range []string{"m", "pthread", "rt", "dl"} {
		files = append(files, kitFile{name: "lib/lib" + name + ".a", text: emptyArchive})
	}
	text := strings.NewReplacer("@SYSROOT@", sys.dir, "@FAASMRUN@", self).Replace(toolchainFile)
	return append(files, kitFile{name: "faasmrun.cmake", text: text})
}

// emptyArchive stands for a library whose functions libc has, for CMake's find_library wants to see a file.
const emptyArchive = archiveMagic

func writeKit(dir string, files []kitFile) error {
	for _, f := range files {
		to := filepath.Join(dir, f.name)
		err := os.MkdirAll(filepath.Dir(to), 0o755)
		switch {
		case err != nil:
		case f.link != "":
			err = os.Symlink(f.link, to)
		default:
			err = os.WriteFile(to, []byte(f.text), 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// platformWASI tells CMake of 3.25, Debian 12's, what WASI is: a system like Unix without shared libraries.
const platformWASI = `set(WASI 1)
set(UNIX 1)
set_property(GLOBAL PROPERTY TARGET_SUPPORTS_SHARED_LIBS FALSE)
set(CMAKE_STATIC_LIBRARY_PREFIX "lib")
set(CMAKE_STATIC_LIBRARY_SUFFIX ".a")
set(CMAKE_EXECUTABLE_SUFFIX "")
set(CMAKE_FIND_LIBRARY_PREFIXES "lib")
set(CMAKE_FIND_LIBRARY_SUFFIXES ".a")
set(CMAKE_DL_LIBS "")
list(APPEND CMAKE_SYSTEM_PREFIX_PATH /)
`

// toolchainFile names compilers, tools and directories to search. A program that a check or a test wants to run runs
// under faasmrun, with one rank, and sees the project's files. FindOpenMP would take the flag for compiling alone, as
// it finds no runtime's library; and the version that clang 19 tells, 5.1, CMake 3.25 does not know.
const toolchainFile = `set(CMAKE_SYSTEM_NAME WASI)
set(CMAKE_SYSTEM_VERSION 1)
set(CMAKE_SYSTEM_PROCESSOR wasm64)
list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}/cmake")

set(CMAKE_C_COMPILER "${CMAKE_CURRENT_LIST_DIR}/bin/mpicc")
set(CMAKE_CXX_COMPILER "${CMAKE_CURRENT_LIST_DIR}/bin/mpicxx")
foreach(tool ar ranlib nm strip objdump objcopy)
  string(TOUPPER ${tool} upper)
  set(CMAKE_${upper} "${CMAKE_CURRENT_LIST_DIR}/bin/${tool}" CACHE FILEPATH "tool that knows WebAssembly")
endforeach()

set(CMAKE_SYSROOT_COMPILE "")
set(CMAKE_SYSROOT_LINK "")
list(APPEND CMAKE_FIND_ROOT_PATH "@SYSROOT@" "${CMAKE_CURRENT_LIST_DIR}" ${CMAKE_PREFIX_PATH} ${CMAKE_INSTALL_PREFIX})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

set(CMAKE_CROSSCOMPILING_EMULATOR "@FAASMRUN@" "-np" "1" "--dir" "${CMAKE_SOURCE_DIR}" "--dir" "${CMAKE_BINARY_DIR}")
set(MPI_C_COMPILER "${CMAKE_CURRENT_LIST_DIR}/bin/mpicc" CACHE FILEPATH "MPI compiler for C")
set(MPI_CXX_COMPILER "${CMAKE_CURRENT_LIST_DIR}/bin/mpicxx" CACHE FILEPATH "MPI compiler for C++")
set(MPIEXEC_EXECUTABLE "@FAASMRUN@" CACHE FILEPATH "what starts MPI programs")
set(MPIEXEC_NUMPROC_FLAG "-np" CACHE STRING "its option for the number of ranks")
foreach(lang C CXX)
  set(OpenMP_${lang}_FLAGS "-fopenmp" CACHE STRING "what compiles OpenMP")
  set(OpenMP_${lang}_LIB_NAMES "omp" CACHE STRING "what links it")
  set(OpenMP_${lang}_SPEC_DATE "201811" CACHE STRING "the version of OpenMP, 5.0")
endforeach()
set(OpenMP_omp_LIBRARY "-fopenmp" CACHE STRING "the host is the runtime")
`

// run runs a build system's program on the caller's streams, with the kit's environment.
func (k *kit) run(ctx context.Context, program string, args []string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = k.environ, k.env.Stdin, k.env.Stdout, k.env.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &statusError{exit.ExitCode()}
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is not installed: apt-get install -y %s", program, program)
	}
	return err
}
