// Package clang makes shared objects of C: it finds the machine's C compiler and linker, and runs them, confined, on
// text that outsiders have a part in. What the C says it leaves to translate, what an object must be to object, when
// one is made to the worker.
package clang

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Compiler is a C compiler and a linker of this machine, and all that they consist of.
type Compiler struct {
	Clang, Linker string // where they really are
	Version       string // as a person knows it: 19.1.7
	// Processor is how the compiler sees this machine's, with all features. An object made here is for such a one alone.
	Processor string
	Loaders   []string // what the kernel executes to start them
	Resources string   // the compiler's own directory of headers
	Parts     []Part   // of both programs, themselves first
	Boot      string   // of the machine: the processor is the same until the next
}

// Part is a file that a program consists of.
type Part struct {
	Path     string
	Size     int64
	Modified int64 // nanoseconds since 1970
}

// Why there is no compiler.
var (
	ErrAbsent = errors.New("there is no clang-19 with ld.lld on the PATH")
	ErrTooOld = errors.New("the clang on the PATH is too old")
)

// leastVersion is of what the C asks for; it is what programs are compiled with, too.
const leastVersion = 19

// findPatience is how long a compiler may take to say what it is.
const findPatience = 30 * time.Second

// Find finds the compiler by a PATH. memory is a file that keeps what was found for the next time: asking a compiler
// takes as long as starting a job; "" keeps nothing.
func Find(ctx context.Context, path, memory string) (*Compiler, error) {
	clang, linker, err := locate(path)
	if err != nil {
		return nil, err
	}
	if c := recall(memory); c != nil && c.Clang == clang && c.Linker == linker && c.Boot == bootID() && c.unchanged() {
		return c, nil
	}
	c, err := ask(ctx, clang, linker)
	if err != nil {
		return nil, err
	}
	c.remember(memory)
	return c, nil
}

// debianDir is where Debian's packages put programs without a version in their names.
var debianDir = "/usr/lib/llvm-19/bin"

// locate gives where the two programs really are: the linker beside the compiler, if there is one.
func locate(path string) (clang, linker string, err error) {
	if clang = lookUp(path, "clang-19", "clang"); clang == "" {
		clang = lookUp(debianDir, "clang")
	}
	if clang == "" {
		return "", "", ErrAbsent
	}
	if linker = lookUp(filepath.Dir(clang), "ld.lld"); linker == "" {
		linker = lookUp(path, "ld.lld-19", "ld.lld")
	}
	if linker == "" {
		return "", "", ErrAbsent
	}
	return clang, linker, nil
}

// lookUp looks for programs of some names, in the order of preference.
func lookUp(path string, names ...string) string {
	for _, name := range names {
		for _, dir := range filepath.SplitList(path) {
			real, err := filepath.EvalSymlinks(filepath.Join(dir, name))
			if err != nil || !filepath.IsAbs(real) {
				continue
			}
			if st, err := os.Stat(real); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
				// The linker is told by its name what it is.
				return filepath.Join(filepath.Dir(real), linkName(real, name))
			}
		}
	}
	return ""
}

// linkName is the name by which a program is called in its own directory: lld is several linkers.
func linkName(real, name string) string {
	if strings.HasPrefix(name, "ld.lld") {
		if _, err := os.Stat(filepath.Join(filepath.Dir(real), "ld.lld")); err == nil {
			return "ld.lld"
		}
	}
	return filepath.Base(real)
}

var versionLine = regexp.MustCompile(`clang version (([0-9]+)[0-9.]*)`)

// ask has the compiler say what it would do, and what it and the linker are made of.
func ask(ctx context.Context, clang, linker string) (*Compiler, error) {
	ctx, cancel := context.WithTimeout(ctx, findPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, clang, "-###", "-x", "c", "-c", machineFlag, os.DevNull, "-o", os.DevNull)
	cmd.Env = []string{}
	words, err := cmd.CombinedOutput()
	version := versionLine.FindSubmatch(words)
	if err != nil || version == nil {
		return nil, fmt.Errorf("%s doesn't say what it is: %w: %s", clang, err, firstLine(words))
	}
	c := &Compiler{Clang: clang, Linker: linker, Version: string(version[1]), Boot: bootID()}
	if major, _ := strconv.Atoi(string(version[2])); major < leastVersion {
		return nil, fmt.Errorf("%w: %s is version %s, not %d", ErrTooOld, clang, c.Version, leastVersion)
	}
	c.takeInvocation(string(words))
	if c.Processor == "" || c.Resources == "" {
		return nil, fmt.Errorf("%s doesn't say what it compiles for", clang)
	}
	for _, program := range []string{clang, linker} {
		if err := c.addParts(ctx, program); err != nil {
			return nil, fmt.Errorf("look what %s consists of: %w", program, err)
		}
	}
	return c, nil
}

// takeInvocation reads the line that -### prints: words in quotes.
func (c *Compiler) takeInvocation(words string) {
	var processor []string
	last := ""
	for _, quoted := range regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).FindAllString(words, -1) {
		word := strings.Trim(quoted, `"`)
		switch last {
		case "-target-cpu", "-target-feature", "-triple":
			processor = append(processor, word)
		case "-resource-dir":
			c.Resources = word
		}
		last = word
	}
	c.Processor = strings.Join(processor, " ")
}

// addParts adds a program, the loader that it names, and the libraries that this loader says it would load.
func (c *Compiler) addParts(ctx context.Context, program string) error {
	if err := c.addPart(program); err != nil {
		return err
	}
	f, err := elf.Open(program)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		name := make([]byte, p.Filesz)
		if _, err := p.ReadAt(name, 0); err != nil {
			return err
		}
		loader := string(bytes.TrimRight(name, "\x00"))
		if err := c.addPart(loader); err != nil {
			return err
		}
		c.Loaders = append(c.Loaders, loader)
		cmd := exec.CommandContext(ctx, loader, "--list", program)
		cmd.Env = []string{}
		list, err := cmd.Output()
		if err != nil {
			return err
		}
		for _, path := range libraries(list) {
			if err := c.addPart(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// libraries are the paths in a loader's list: "libm.so.6 => /lib/libm.so.6 (0x…)".
func libraries(list []byte) (paths []string) {
	for line := range strings.Lines(string(list)) {
		if _, path, ok := strings.Cut(line, "=> "); ok {
			path, _, _ = strings.Cut(path, " (")
			if path = strings.TrimSpace(path); filepath.IsAbs(path) {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

func (c *Compiler) addPart(path string) error {
	st, err := os.Stat(path)
	if err == nil {
		c.Parts = append(c.Parts, Part{path, st.Size(), st.ModTime().UnixNano()})
	}
	return err
}

// unchanged reports whether all parts are those that were found.
func (c *Compiler) unchanged() bool {
	now := &Compiler{}
	for _, p := range c.Parts {
		if now.addPart(p.Path) != nil || now.Parts[len(now.Parts)-1] != p {
			return false
		}
	}
	return len(c.Parts) > 0
}

// Identity is a hash of all that the compiler is.
func (c *Compiler) Identity() [sha256.Size]byte {
	b, _ := json.Marshal([]any{c.Version, c.Parts})
	return sha256.Sum256(b)
}

// bootID is another after every start of the machine.
func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}

func recall(memory string) *Compiler {
	b, err := os.ReadFile(memory)
	c := &Compiler{}
	if err != nil || json.Unmarshal(b, c) != nil || c.Boot == "" || c.Processor == "" {
		return nil
	}
	return c
}

// remember keeps what was found; a failure costs the next one another question.
func (c *Compiler) remember(memory string) {
	if memory == "" {
		return
	}
	b, _ := json.Marshal(c)
	tmp, err := os.CreateTemp(filepath.Dir(memory), ".compiler-*")
	if err != nil {
		return
	}
	_, err = tmp.Write(b)
	if errors.Join(err, tmp.Close()) != nil || os.Rename(tmp.Name(), memory) != nil {
		os.Remove(tmp.Name())
	}
}

func firstLine(words []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(words)), "\n")
	return line
}

// machineFlag has the compiler use all that this machine's processor has.
var machineFlag = map[string]string{"amd64": "-march=native"}[runtime.GOARCH]

// Supported reports whether objects can be made for this kind of machine at all.
func Supported() bool { return machineFlag != "" }
