package toolchain

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mode is where the work ends.
type mode int

const (
	modeLink mode = iota
	modeCompile
	modeAssemble
	modePreprocess
	modeDepend
	modeCheck
)

// command is a compiler's command line, taken apart.
type command struct {
	cxx     bool // called as a C++ compiler
	mode    mode
	modeArg string // the option that chose the mode, "" for a link
	output  string // of -o, "" when there is none

	compile []string // options for clang, in their order
	link    []linkItem
	query   string // one of queries, or "" for work
	show    string // "-show" and its kin: say what would be done
	verbose bool   // -v: say what is done
	dryRun  bool   // -###

	optimize string // the last -O, without the -O; "" when none was given
	debug    bool   // some -g
	common   bool   // -fcommon
	measured string // the last of the options that measure a run, "" when there was none
	openMP   bool   // -fopenmp, or a link with an OpenMP runtime's library
	threads  bool   // -pthread

	relocatable bool     // -r: the link's result is an object
	maps        []string // files for the linker's map; "-" is the standard output
}

// linkItem is one word of the link line; their order matters to the linker.
type linkItem struct {
	kind itemKind
	text string
	lang string // of a source: the -x in force
}

type itemKind int

const (
	itemSource  itemKind = iota // compiled first
	itemFile                    // an object or archive
	itemLibrary                 // -l, without the -l
	itemLibDir                  // -L, without the -L
	itemOption                  // for wasm-ld as it is
)

func parse(cxx bool, args []string) (*command, error) {
	p := &parser{command: command{cxx: cxx}, rest: args}
	for len(p.rest) > 0 {
		if err := p.word(); err != nil {
			return nil, err
		}
	}
	return &p.command, nil
}

type parser struct {
	command
	rest []string
	lang string
}

func (p *parser) next() string {
	word := p.rest[0]
	p.rest = p.rest[1:]
	return word
}

// argument is the value of an option that stands in the same word behind prefix or in the next word.
func (p *parser) argument(word, prefix string) (string, error) {
	if value := word[len(prefix):]; value != "" {
		return value, nil
	}
	if len(p.rest) == 0 {
		return "", fmt.Errorf("option %s needs an argument", prefix)
	}
	return p.next(), nil
}

func (p *parser) word() error {
	word := p.next()
	if strings.HasPrefix(word, "--target=wasm64") {
		return nil // what the target is anyway
	}
	if why, refuse := refusal(word); refuse {
		return fmt.Errorf("%s: %s", word, why)
	}
	switch {
	case word == "-" || !strings.HasPrefix(word, "-"):
		return p.input(word)
	case queries[word] || strings.HasPrefix(word, "-print-"), strings.HasPrefix(word, "--print-"),
		strings.HasPrefix(word, "--help"):
		p.query = word
	case isShow(word):
		p.show = "-" + strings.TrimLeft(word, "-")
	case word == "-v":
		p.verbose = true
	case word == "-###":
		p.verbose, p.dryRun = true, true
	case vectorMacros[word] != nil:
		p.compile = append(p.compile, vectorDefines(word)...)
	case hostOnly.match(word):
	case measured.match(word):
		p.measured = word
	case strings.HasPrefix(word, "-Wl,"), word == "-Xlinker", word == "-s", word == "-u", word == "-e", word == "-z":
		return p.linker(word)
	case strings.HasPrefix(word, "-l"), strings.HasPrefix(word, "-L"):
		return p.library(word)
	default:
		return p.compiler(word)
	}
	return nil
}

// isShow reports whether it is a question of Open MPI's or MPICH's wrappers, with one dash or two.
func isShow(word string) bool {
	word = strings.TrimLeft(word, "-")
	switch word {
	case "show", "showme", "compile-info", "compile_info", "link-info", "link_info":
		return true
	}
	return strings.HasPrefix(word, "showme:")
}

func (p *parser) input(word string) error {
	ext := filepath.Ext(word)
	switch {
	case p.lang != "" || sources[ext] || word == "-":
		p.link = append(p.link, linkItem{kind: itemSource, text: word, lang: p.lang})
	case foreign[ext] != "":
		return fmt.Errorf("%s: this compiles C and C++, not %s", word, foreign[ext])
	case ext == ".so" || strings.Contains(filepath.Base(word), ".so."):
		return fmt.Errorf("%s: a module cannot load shared libraries of the host; build it as a static library with "+
			"faasmrun cc", word)
	default:
		p.link = append(p.link, linkItem{kind: itemFile, text: word})
	}
	return nil
}

func (p *parser) compiler(word string) error {
	switch {
	case modes[word] != modeLink:
		return p.setMode(word)
	case strings.HasPrefix(word, "-x"):
		lang, err := p.argument(word, "-x")
		if lang == "none" {
			lang = ""
		}
		p.lang = lang
		return err
	case strings.HasPrefix(word, "-O"):
		p.optimize = strings.TrimPrefix(word, "-O")
		if p.optimize == "" {
			p.optimize = "1"
		}
	case word == "-fcommon":
		p.common = true
	case word == "-fno-common":
		p.common = false
	case word == "-fopenmp" || word == "-qopenmp" || word == "-openmp" || strings.HasPrefix(word, "-fopenmp="):
		p.openMP = true
	case word == "-fno-openmp":
		p.openMP = false
	case word == "-pthread" || word == "-pthreads" || word == "-mt":
		p.threads = true
	case word == "-r":
		p.relocatable = true
	case strings.HasPrefix(word, "-o") && !strings.HasPrefix(word, "-object"):
		var err error
		p.output, err = p.argument(word, "-o")
		return err
	default:
		return p.pass(word)
	}
	return nil
}

func (p *parser) setMode(word string) error {
	m := modes[word]
	// The earliest end wins, as in gcc: -E -c preprocesses, -S -c assembles.
	if p.mode == modeLink || m > p.mode {
		p.mode, p.modeArg = m, word
	}
	return nil
}

// pass hands an option to clang, with its argument. Directories of the host's headers are left out.
func (p *parser) pass(word string) error {
	if strings.HasPrefix(word, "-g") {
		p.debug = word != "-g0" && !strings.HasPrefix(word, "-gno")
	}
	if strings.HasPrefix(word, "-fsanitize=") {
		p.compile = append(p.compile, "-fsanitize-trap=all") // reports need a runtime; a trap shows where it was too
	}
	if !separate[word] {
		for _, option := range searched {
			if dir, ok := strings.CutPrefix(word, option); ok && hostDirectory(dir) {
				return nil
			}
		}
		p.compile = append(p.compile, word)
		return nil
	}
	value, err := p.argument(word, word)
	if err != nil {
		return err
	}
	if word == "-arch" || slices.Contains(searched, word) && hostDirectory(value) {
		return nil
	}
	p.compile = append(p.compile, word, value)
	return nil
}

func (p *parser) library(word string) error {
	prefix := word[:2]
	value, err := p.argument(word, prefix)
	if err != nil {
		return err
	}
	if prefix == "-L" {
		p.link = append(p.link, linkItem{kind: itemLibDir, text: value})
	} else {
		p.linkLibrary(value)
	}
	return nil
}

// linker takes the words of -Wl,a,b and -Xlinker a, and of the few linker options that a compiler takes itself.
func (p *parser) linker(word string) error {
	switch word {
	case "-s":
		p.linkOption("--strip-debug")
		return nil
	case "-u", "-e", "-z":
		value, err := p.argument(word, word)
		if err == nil {
			p.linkPair(word, value)
		}
		return err
	case "-Xlinker":
		value, err := p.argument(word, word)
		if err != nil {
			return err
		}
		words := []string{value}
		// Its own argument comes by a second -Xlinker.
		for len(p.rest) > 1 && p.rest[0] == "-Xlinker" {
			p.next()
			words = append(words, p.next())
		}
		return p.linkWords(words)
	}
	words := strings.Split(strings.TrimPrefix(word, "-Wl,"), ",")
	for len(p.rest) > 0 && strings.HasPrefix(p.rest[0], "-Wl,") { // -Wl,-rpath -Wl,/dir
		words = append(words, strings.Split(strings.TrimPrefix(p.next(), "-Wl,"), ",")...)
	}
	return p.linkWords(words)
}

// linkerVersion is a query that comes by -Wl: build systems ask it to find out which linker there is.
const linkerVersion = "-Wl,--version"

var errLinkScript = errors.New("a module takes no linker script")

func (p *parser) linkWords(words []string) error {
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "":
		case droppedLinkPairs[word]:
			i++
		case word == "-T" || strings.HasPrefix(word, "--script"):
			return errLinkScript
		case word == "-shared" || word == "--shared":
			why, _ := refusal("-shared")
			return fmt.Errorf("-Wl,%s: %s", word, why)
		case word == "-r" || word == "--relocatable":
			p.relocatable = true
		case word == "--version" || word == "-v" || word == "-V":
			p.query = linkerVersion
		case word == "-M" || word == "--print-map":
			p.maps = append(p.maps, "-")
		case linkMap.MatchString(word):
			p.maps = append(p.maps, linkMap.ReplaceAllString(word, ""))
		case word == "-Map" || word == "--Map":
			if i+1 == len(words) {
				return fmt.Errorf("linker option %s needs an argument", word)
			}
			i++
			p.maps = append(p.maps, words[i])
		case word == "-z" || word == "-u" || word == "-e":
			if i+1 == len(words) {
				return fmt.Errorf("linker option %s needs an argument", word)
			}
			i++
			p.linkPair(word, words[i])
		case strings.HasPrefix(word, "-z"):
			p.linkPair("-z", strings.TrimPrefix(word, "-z"))
		case droppedLinkOptions.match(word):
		case word == "-s" || word == "--strip-all" || word == "-S":
			// Names stay: a trap's backtrace is worthless without them.
			p.linkOption("--strip-debug")
		case strings.HasPrefix(word, "-l"):
			p.linkLibrary(word[2:])
		case strings.HasPrefix(word, "-L"):
			p.link = append(p.link, linkItem{kind: itemLibDir, text: word[2:]})
		case !strings.HasPrefix(word, "-"):
			p.link = append(p.link, linkItem{kind: itemFile, text: word})
		default:
			p.linkOption(word)
		}
	}
	return nil
}

// linkMap begins the option that names a file for the linker's map.
var linkMap = regexp.MustCompile(`^--?Map=`)

// linkLibrary adds a -l. An OpenMP runtime is the host's: naming one says what -fopenmp says to a link.
func (p *parser) linkLibrary(name string) {
	if openMPLibraries[name] {
		p.openMP = true
		return
	}
	p.link = append(p.link, linkItem{kind: itemLibrary, text: name})
}

func (p *parser) linkOption(word string) {
	p.link = append(p.link, linkItem{kind: itemOption, text: word})
}

// linkPair keeps -u and -e as they are, and of the -z keywords the stack's size: the others (relro, now, noexecstack,
// …) are the ELF loader's.
func (p *parser) linkPair(option, value string) {
	if option == "-z" && !strings.HasPrefix(value, "stack-size=") {
		return
	}
	p.linkOption(option)
	p.linkOption(value)
}

// sourceFiles lists the inputs to compile.
func (c *command) sourceFiles() []linkItem {
	var out []linkItem
	for _, item := range c.link {
		if item.kind == itemSource {
			out = append(out, item)
		}
	}
	return out
}

// inputs reports whether there is anything to work on.
func (c *command) inputs() bool {
	for _, item := range c.link {
		if item.kind == itemSource || item.kind == itemFile {
			return true
		}
	}
	return false
}

// libraries reports whether there are any.
func (c *command) libraries() bool {
	return slices.ContainsFunc(c.link, func(item linkItem) bool { return item.kind == itemLibrary })
}

// linkChosen reports whether the user gave the linker an option of that beginning.
func (c *command) linkChosen(prefix string) bool {
	for _, item := range c.link {
		if item.kind == itemOption && strings.HasPrefix(item.text, prefix) {
			return true
		}
	}
	return false
}

// gnuDialect reports whether the language is GNU's version of the standard, as it is when nothing is said.
func (c *command) gnuDialect() bool {
	gnu := true
	for _, word := range c.compile {
		if standard, ok := strings.CutPrefix(strings.TrimLeft(word, "-"), "std="); ok {
			gnu = strings.HasPrefix(standard, "gnu")
		} else if word == "-ansi" {
			gnu = false
		}
	}
	return gnu
}

// optimization is clang's level for the user's: gcc takes any number, and 3 is the highest there is.
func (c *command) optimization() string {
	if c.optimize == "" {
		return defaultLevel
	}
	if n, err := strconv.Atoi(c.optimize); err == nil && n > 3 {
		return "3"
	}
	return c.optimize
}

// unrolls reports whether the level asks for speed at the price of size.
func (c *command) unrolls() bool {
	switch c.optimization() {
	case "2", "3", "fast":
		return true
	}
	return false
}

// defaultLevel is what a command line without any -O gets. gcc's answer is 0, but nothing is gained by it here (there
// is no debugger that steps through a module) and code at 0 is five to ten times slower in a sandbox.
const defaultLevel = "2"
