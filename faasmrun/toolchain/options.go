package toolchain

import (
	"path/filepath"
	"strings"
)

// These tables say what becomes of an option that is not simply clang's. They are the whole of what the driver knows
// about gcc's and clang's command lines: an option that stands in none of them goes to clang as it is, and clang says
// what it thinks of it.

// separate lists the options whose argument may be (or is) the next word.
var separate = map[string]bool{
	"-D": true, "-U": true, "-I": true, "-include": true, "-imacros": true, "-isystem": true, "-iquote": true,
	"-idirafter": true, "-iprefix": true, "-iwithprefix": true, "-iwithprefixbefore": true, "-MF": true, "-MT": true,
	"-MQ": true, "-Xclang": true, "-Xpreprocessor": true, "-Xassembler": true, "-mllvm": true, "--param": true,
	"-dumpbase": true, "-dumpdir": true, "-aux-info": true, "-arch": true, "-include-pch": true, "-cxx-isystem": true,
	"-stdlib++-isystem": true, "-iwithsysroot": true, "-ivfsoverlay": true, "-Xopenmp-target": true, "-Xanalyzer": true,
}

// searched lists those of them that name a directory of headers; it may stand in the same word too.
var searched = []string{"-I", "-isystem", "-iquote", "-idirafter"}

// modes are the options that end the work before the link.
var modes = map[string]mode{
	"-c": modeCompile, "-S": modeAssemble, "-E": modePreprocess, "-M": modeDepend, "-MM": modeDepend,
	"-fsyntax-only": modeCheck, "--precompile": modeCompile,
}

// queries answer a question and do nothing else.
var queries = map[string]bool{
	"--version": true, "-dumpmachine": true, "-dumpversion": true, "-dumpfullversion": true, "-dumpspecs": true,
	"-print-search-dirs":      true,
	"-print-libgcc-file-name": true, "-print-resource-dir": true, "-print-multi-lib": true, "-print-multiarch": true,
	"-print-multi-os-directory": true, "-print-multi-directory": true, "-print-sysroot": true,
	"-print-target-triple":    true,
	"-print-effective-triple": true, "-print-supported-cpus": true, "-print-targets": true,
	"--help": true, "-help": true, "-qversion": true,
}

// hostOnly options mean something to the host's processor, loader or code model and nothing to a module. A prefix ends
// in '*'. Makefiles are full of them, so they are dropped without a word.
var hostOnly = newMatcher(
	"-march=*", "-mtune=*", "-mcpu=*", "-mfpu=*", "-mabi=*", "-mfpmath=*", "-mcmodel=*", "-m64", "-m32", "-mx32",
	"-msse*", "-mno-sse*", "-mssse3", "-mavx*", "-mno-avx*", "-mfma*", "-mno-fma*", "-mf16c", "-mbmi*", "-mpopcnt",
	"-maes", "-mlzcnt", "-mprefer-vector-width=*", "-mstackrealign", "-malign-double", "-mieee-fp", "-mrecip*",
	"-mno-red-zone", "-mvzeroupper", "-mno-vzeroupper", "-maltivec", "-mpower*",
	// Position independence: a module has one position.
	"-fPIC", "-fpic", "-fPIE", "-fpie", "-fno-PIC", "-fno-pic", "-fno-pie", "-fno-PIE", "-fno-plt", "-pie", "-no-pie",
	"-nopie",
	"-fno-semantic-interposition", "-fsemantic-interposition",
	// What the sandbox does anyway, or what has no counterpart in it.
	"-fstack-protector*", "-fno-stack-protector*", "-fstack-clash-protection", "-fno-stack-clash-protection",
	"-fcf-protection*", "-fsplit-stack",
	"-mshstk", "-mindirect-branch*", "-fno-omit-frame-pointer", "-fomit-frame-pointer", "-mno-omit-leaf-frame-pointer",
	"-momit-leaf-frame-pointer",
	// Linking: there is one way. -s keeps its meaning for debug information; see linkOptions.
	"-rdynamic", "-export-dynamic", "-static", "-static-libgcc", "-static-libstdc++", "-shared-libgcc", "-pipe",
	"-fuse-ld=*",
	"-stdlib=libc++", "-stdlib=libstdc++", "-rtlib=*", "-unwindlib=*",
	// Link-time optimisation changes nothing (docs: measured) and turns objects into bitcode that ar cannot index.
	"-flto*", "-fno-lto", "-ffat-lto-objects", "-fno-fat-lto-objects", "-fuse-linker-plugin", "-fno-use-linker-plugin",
	"-fwhole-program",
	// gcc's, unknown to clang, where clang would refuse.
	"-fno-var-tracking*", "-fvar-tracking*", "-floop-*", "-fgraphite*", "-ftree-*", "-fno-tree-*",
	"-fprefetch-loop-arrays", "-fmodulo-sched*",
	"-fgcse*", "-fno-gcse*", "-fipa-*", "-fno-ipa-*", "-fsched-*", "-frename-registers", "-fweb",
	"-fvariable-expansion-in-unroller",
	"-fno-aggressive-loop-optimizations", "-fcx-fortran-rules", "-falign-*", "-fno-align-*",
	"-foffload*", "-fno-guess-branch-probability", "-fdiagnostics-generate-patch", "-fopt-info*", "-fmax-errors=*",
	"-fvect-cost-model*", "-fsimd-cost-model*", "-fno-vect-cost-model", "-fira-*", "-fno-ira-*", "-fselective-scheduling*",
	"-fconserve-stack",
	"-fno-stack-limit", "-fno-gnu-unique", "-fanalyzer", "-fdump-*", "-fmem-report", "-fcompare-debug*",
	"-pass-exit-codes",
	"-mtls-dialect=*", "-maccumulate-outgoing-args", "-mno-accumulate-outgoing-args", "-mcld", "-minline-all-stringops",
	"-Wa,-mbig-obj",
	// A profile of gcc's fits no other compiler, and measuring one is left out too; see measured.
	"-fprofile-use*", "-fprofile-instr-use*", "-fprofile-correction", "-fprofile-dir=*", "-fprofile-update=*",
	"-fprofile-values", "-fprofile-partial-training", "-fprofile-reproducible=*", "-fprofile-abs-path",
	"-fbranch-probabilities", "-fauto-profile*", "-Wno-missing-profile", "-Wmissing-profile",
	"-Wl,--no-undefined",
)

// refused options ask for something that a module cannot be; the text says why and what to do.
var refused = []struct{ match, why string }{
	{"-shared", "a module is one static program: build a static library (.a) instead of a shared one"},
	{"-dynamiclib", "a module is one static program: build a static library (.a) instead of a shared one"},
	{"-target", "the target is always wasm64-wasip1: leave this option out"},
	{"--target=*", "the target is always wasm64-wasip1: leave this option out"},
	{"--sysroot*", "the sysroot is faasmrun's own: leave this option out"},
	{"-isysroot*", "the sysroot is faasmrun's own: leave this option out"},
	{"-specs=*", "there are no spec files here: leave this option out"},
	{"-T", "a module takes no linker script"},
	{"-fopenmp-targets*",
		"there is no device to offload to: leave this option out, and target regions run on the rank's own processor"},
	{"--offload-arch*", "there is no device to offload to: leave this option out, and target regions run on the rank's " +
		"own processor"},
}

// measured options let the host's runtime note how a program ran, in a file beside its results. A module has no such
// runtime, and its results are the same without: so they are dropped, and the link says that the file will be missing.
var measured = newMatcher("-pg", "-p", "--coverage", "-coverage", "-fprofile-arcs", "-ftest-coverage",
	"-fprofile-generate*", "-fprofile-instr-generate*", "-fcoverage-mapping")

// droppedLinkOptions are the words inside -Wl, that only a loader of shared objects understands, or that name what is
// so anyway. wasm-ld would stop at them.
var droppedLinkOptions = newMatcher(
	"--as-needed", "--no-as-needed", "--add-needed", "--no-add-needed", "--copy-dt-needed-entries",
	"--no-copy-dt-needed-entries",
	"-Bstatic", "-Bdynamic", "-Bsymbolic*", "--Bsymbolic*", "-static", "-dn", "-dy", "-rpath=*", "--rpath=*",
	"-rpath-link=*", "--rpath-link=*",
	"-R*", "--enable-new-dtags", "--disable-new-dtags", "--hash-style=*", "--eh-frame-hdr", "--no-eh-frame-hdr",
	"--sort-common*",
	"--start-group", "--end-group", "-(", "-)", "--no-undefined", "--no-allow-shlib-undefined", "--allow-shlib-undefined",
	"--warn-common", "--warn-once",
	"--no-warn-*", "--warn-*", "--icf=*", "--dynamic-list*", "--version-script=*", "--build-id*", "-export-dynamic",
	"--export-dynamic", "-E", "--discard-all", "-x", "-X", "--discard-locals", "--no-keep-memory",
	"--reduce-memory-overheads", "-O*", "-pie", "--no-pie",
	"--no-relax", "--relax", "--threads*", "-plugin*", "--no-fatal-warnings", "--gdb-index", "--compress-debug-sections=*",
	"--allow-multiple-definition",
	"-headerpad_max_install_names", "-search_paths_first", "-no_compact_unwind",
)

// droppedLinkPairs are such words whose argument is the next one.
var droppedLinkPairs = map[string]bool{
	"-rpath": true, "--rpath": true, "-rpath-link": true, "--rpath-link": true, "-soname": true, "-h": true,
	"--version-script": true, "--dynamic-linker": true, "-dynamic-linker": true, "-plugin": true, "--hash-style": true,
	"-install_name": true,
}

// emptyLibraries stand for parts of the host's C library, compiler runtime or MPI that live elsewhere here: in libc, in
// the module's imports, or nowhere because nothing needs them. One of the user's own by that name comes first.
var emptyLibraries = map[string]bool{
	"m": true, "pthread": true, "rt": true, "dl": true, "util": true, "c": true, "gcc": true, "gcc_s": true,
	"gcc_eh": true, "atomic": true,
	"nsl": true, "resolv": true, "crypt": true, "xnet": true, "mvec": true, "ssp": true,
	"mpi": true, "mpich": true, "pmpi": true, "pmpich": true, "mpicxx": true, "mpichcxx": true, "mpi_cxx": true,
	"mpl": true, "opa": true,
	"open-rte": true, "open-pal": true,
}

// cxxLibraries ask for the C++ runtime whatever the driver's name is.
var cxxLibraries = map[string]bool{"stdc++": true, "c++": true, "c++abi": true, "supc++": true}

// openMPLibraries are the OpenMP runtimes of gcc, LLVM and Intel.
var openMPLibraries = map[string]bool{"gomp": true, "omp": true, "omp5": true, "iomp5": true}

// sources tells the input files that are compiled from those that are linked.
var sources = map[string]bool{
	".c": true, ".i": true, ".cc": true, ".cp": true, ".cxx": true, ".cpp": true, ".CPP": true, ".c++": true, ".C": true,
	".ii": true, ".s": true, ".S": true, ".sx": true, ".ll": true, ".bc": true,
	".h": true, ".hh": true, ".hpp": true, ".hxx": true,
}

// cxxSources are those that are C++ whatever the driver's name is.
var cxxSources = map[string]bool{".cc": true, ".cp": true, ".cxx": true, ".cpp": true, ".CPP": true, ".c++": true,
	".C": true, ".ii": true,
	".hh": true, ".hpp": true, ".hxx": true}

// assembly are sources for the assembler.
var assembly = map[string]bool{".s": true, ".S": true, ".sx": true}

// headers are sources that no link can use.
var headers = map[string]bool{".h": true, ".hh": true, ".hpp": true, ".hxx": true}

// foreign sources get a word of their own instead of the linker's "unknown file type".
var foreign = map[string]string{
	".f": "Fortran", ".F": "Fortran", ".for": "Fortran", ".f77": "Fortran", ".f90": "Fortran", ".F90": "Fortran",
	".f95": "Fortran",
	".f03": "Fortran", ".f08": "Fortran", ".cu": "CUDA", ".m": "Objective-C", ".mm": "Objective-C++", ".go": "Go",
	".rs": "Rust",
}

// hostDirectory reports whether dir holds the host's own headers or libraries. Makefiles name such directories beside
// their own; nothing in them fits a module, and their headers would shadow the sysroot's.
func hostDirectory(dir string) bool {
	dir = filepath.Clean(dir)
	for _, host := range []string{"/usr/include", "/usr/local/include", "/usr/lib", "/usr/lib64", "/usr/lib32", "/lib",
		"/lib64", "/usr/local/lib"} {
		if dir == host || strings.HasPrefix(dir, host+"/") && !strings.HasPrefix(host, "/usr/local") {
			return true
		}
	}
	return false
}

// matcher matches words exactly or, for a pattern that ends in '*', by prefix.
type matcher struct {
	exact    map[string]bool
	prefixes []string
}

func newMatcher(patterns ...string) *matcher {
	m := &matcher{exact: map[string]bool{}}
	for _, p := range patterns {
		if prefix, ok := strings.CutSuffix(p, "*"); ok {
			m.prefixes = append(m.prefixes, prefix)
		} else {
			m.exact[p] = true
		}
	}
	return m
}

func (m *matcher) match(word string) bool {
	if m.exact[word] {
		return true
	}
	for _, p := range m.prefixes {
		if strings.HasPrefix(word, p) {
			return true
		}
	}
	return false
}

func refusal(word string) (why string, refuse bool) {
	for _, r := range refused {
		if prefix, ok := strings.CutSuffix(r.match, "*"); ok && strings.HasPrefix(word, prefix) || word == r.match {
			return r.why, true
		}
	}
	return "", false
}
