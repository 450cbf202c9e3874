package toolchain

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// wasm-ld compares the types of a call and of what is called, but not where it takes a member out of an archive because
// of that call: the member's function is then called with the types of the caller, and the module is not valid. So the
// linker says which members it took and what for (--why-extract), and where types differ these members are linked once
// more as what they are, objects ahead of the others: then it compares.

// extraction is a member of an archive that a call in another object had wasm-ld take.
type extraction struct{ reference, member string }

// extractions reads what --why-extract writes: a heading, then a line each, in columns.
func extractions(text []byte) (found []extraction) {
	for line := range strings.Lines(string(text)) {
		columns := strings.Split(line, "\t")
		if len(columns) >= 2 && columns[0] != "reference" {
			found = append(found, extraction{columns[0], columns[1]})
		}
	}
	return found
}

// members reads objects, among them members of archives by the names that wasm-ld gives them: "libx.a(y.o)".
type members struct {
	sys      *sysroot
	archives map[string]map[string][][]byte // by path and name: an archive may have several members of one name
}

// member is an object in an archive, by the name that wasm-ld gives it.
type member struct {
	name   string
	object []byte
}

func (m member) equal(other member) bool {
	return m.name == other.name && bytes.Equal(m.object, other.object)
}

// differing adds to known the members that are called with other types than they define, as far as wasm-ld does not
// notice by itself. Objects that can't be read are the linker's own matter. In the sysroot types agree.
func (s *members) differing(found []extraction, known []member) []member {
	for _, e := range found {
		if s.ofSysroot(e.reference) && s.ofSysroot(e.member) {
			continue
		}
		for _, caller := range s.objects(e.reference) {
			for _, object := range s.objects(e.member) {
				m := member{e.member, object}
				if typesDiffer(caller, object) && !slices.ContainsFunc(known, m.equal) {
					known = append(known, m)
				}
			}
		}
	}
	return known
}

func (s *members) ofSysroot(name string) bool {
	return strings.HasPrefix(name, s.sys.lib+"/") || strings.HasPrefix(name, s.sys.runtime+"/")
}

// typesDiffer reports whether an object calls a function of another with other types than that has.
func typesDiffer(caller, callee []byte) bool {
	called, _, err := functionTypes(caller)
	if err != nil {
		return false
	}
	_, defined, err := functionTypes(callee)
	if err != nil {
		return false
	}
	for name, t := range called {
		if is, there := defined[name]; there && !is.Equal(t) {
			return true
		}
	}
	return false
}

// objects reads an object's file, or the members of an archive that have a name.
func (s *members) objects(name string) [][]byte {
	path, member, archived := archived(name)
	if !archived {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil
		}
		return [][]byte{data}
	}
	if s.archives[path] == nil {
		data, _ := os.ReadFile(path)
		if s.archives == nil {
			s.archives = map[string]map[string][][]byte{}
		}
		s.archives[path] = archiveMembers(data)
	}
	return s.archives[path][member]
}

// archived takes apart the name that wasm-ld gives to a member of an archive.
func archived(name string) (path, member string, ok bool) {
	open := strings.LastIndexByte(name, '(')
	if open < 0 || !strings.HasSuffix(name, ")") {
		return name, "", false
	}
	return name[:open], name[open+1 : len(name)-1], true
}

// archiveHeader is how long a member's header is.
const archiveHeader = 60

// archiveMembers are the members of an ar archive by their names, as far as it can be read: GNU's form, which llvm-ar
// writes, and BSD's.
func archiveMembers(archive []byte) map[string][][]byte {
	found := map[string][][]byte{}
	rest, ok := bytes.CutPrefix(archive, []byte(archiveMagic))
	var longNames []byte
	for ok && len(rest) >= archiveHeader {
		head := rest[:archiveHeader]
		rest = rest[archiveHeader:]
		size, err := strconv.Atoi(string(bytes.TrimSpace(head[48:58])))
		if err != nil || size < 0 || size > len(rest) {
			break
		}
		data, name := rest[:size], strings.TrimRight(string(head[:16]), " ")
		rest = rest[min(len(rest), size+size&1):]
		switch {
		case name == "//":
			longNames = data
			continue
		case strings.HasPrefix(name, "#1/"):
			name, data = nameInFront(name, data)
		case strings.HasPrefix(name, "/"):
			name = longName(longNames, name)
		}
		if name = strings.TrimSuffix(name, "/"); name != "" {
			found[name] = append(found[name], data)
		}
	}
	return found
}

// longName looks a name up that the header has the place of: "/123". "" for the archive's own tables.
func longName(names []byte, place string) string {
	at, err := strconv.Atoi(place[1:])
	if err != nil || at < 0 || at >= len(names) {
		return ""
	}
	name, _, _ := bytes.Cut(names[at:], []byte("\n"))
	return string(name)
}

// nameInFront takes BSD's long name, whose length the header has, from the front of a member.
func nameInFront(length string, data []byte) (string, []byte) {
	n, err := strconv.Atoi(strings.TrimPrefix(length, "#1/"))
	if err != nil || n < 0 || n > len(data) {
		return "", nil
	}
	return strings.TrimRight(string(data[:n]), "\x00"), data[n:]
}

// hasArchive reports whether the user links an archive that is not the sysroot's.
func (d *driver) hasArchive(words []string) bool {
	s := &members{sys: d.sys}
	return slices.ContainsFunc(words, func(word string) bool {
		if s.ofSysroot(word) || strings.HasPrefix(word, "-") {
			return false
		}
		f, err := os.Open(word)
		if err != nil {
			return false
		}
		defer f.Close()
		magic := make([]byte, len(archiveMagic))
		n, _ := f.ReadAt(magic, 0)
		return string(magic[:n]) == archiveMagic
	})
}

// runLinkerOver runs wasm-ld with args behind start, the objects that come first; between them it puts the members of
// archives that have to be compared with their callers, and returns all of that.
func (d *driver) runLinkerOver(ctx context.Context, start, args []string, raw string) ([]string, error) {
	all := slices.Concat(start, args)
	if d.cmd.dryRun || d.cmd.linkChosen("--why-extract") || !d.hasArchive(args) {
		return all, d.runLinker(ctx, all)
	}
	why := raw + ".why"
	objects := &members{sys: d.sys}
	var early []member
	var files []string // of early
	for {
		text, err := d.tryLinker(ctx, append(slices.Clip(all), "--why-extract="+why))
		if err == nil {
			said, _ := os.ReadFile(why) // without it the link is as good as wasm-ld's
			early = objects.differing(extractions(said), early)
		}
		if len(early) == len(files) {
			for i, file := range files {
				text = strings.ReplaceAll(text, file, early[i].name)
			}
			return all, d.tell(text, err)
		}
		for _, m := range early[len(files):] {
			_, name, _ := archived(m.name)
			file := filepath.Join(filepath.Dir(raw), fmt.Sprintf("member%d-%s", len(files), filepath.Base(name)))
			if err := os.WriteFile(file, m.object, 0o644); err != nil {
				return nil, err
			}
			files = append(files, file)
		}
		all = slices.Concat(start, files, args)
	}
}
