package program

import (
	"debug/dwarf"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// Engines say where a frame stands by an offset in the code that they run. What line of source that is, is looked up
// here, when somebody asks: passes have moved the code, and most that end a program have nobody ask.

// Bounds on what a module may cost whose debug information is made for it. Beyond them there are no lines.
const (
	maxDebug  = 128 << 20       // bytes of the sections that are kept
	maxUnit   = 16 << 20        // bytes of a compilation unit whose inlined calls are looked for
	linesTime = 2 * time.Second // for all frames of an error together
)

// source is what a module says about the files that it was made of, read when the first line is asked for.
type source struct{ kept func() *kept }

// kept is a source that was read.
type kept struct {
	sections map[string][]byte // debug information, by name without the dot
	code     *wasm.CodeMap
	bodies   []uint32 // where in the code that runs each function's body begins
}

// debugSections are those that the lines need.
var debugSections = []string{"debug_abbrev", "debug_info", "debug_line", "debug_str", "debug_ranges",
	"debug_addr", "debug_line_str", "debug_rnglists", "debug_str_offsets"}

// debugSections lists what is needed of a module's debug information; nil if it has none, or too much. Of several
// sections of a name the last counts.
func (f *File) debugSections() []section {
	var list []section
	for _, name := range debugSections {
		for _, c := range slices.Backward(f.module.Customs) {
			if c.Name == "."+name {
				list = append(list, section{name, uint64(c.Offset), uint64(len(c.Data)), crc32.Checksum(c.Data, castagnoli)})
				break
			}
		}
	}
	size := uint64(0)
	has := map[string]bool{}
	for _, s := range list {
		size += s.size
		has[s.name] = true
	}
	if !has["debug_line"] || !has["debug_info"] || size > maxDebug {
		return nil
	}
	return list
}

// kept reads what is needed for lines; nil where that is not there any more, or something else.
func (l *layout) kept(original io.ReaderAt) *kept {
	k := &kept{sections: map[string][]byte{}, bodies: l.bodyOffsets()}
	size := uint64(0)
	if original == nil {
		return nil
	}
	for _, s := range l.debug {
		if size += s.size; s.size > maxDebug || size > maxDebug || s.offset > math.MaxInt64 {
			return nil
		}
		data := make([]byte, s.size)
		if _, err := original.ReadAt(data, int64(s.offset)); err != nil && err != io.EOF ||
			crc32.Checksum(data, castagnoli) != s.sum {
			return nil
		}
		k.sections[s.name] = data
	}
	var err error
	if k.code, err = wasm.DecodeCodeMap(l.code); err != nil {
		return nil
	}
	return k
}

// original is the offset in the debug information's own code of an instruction, by its offset in the code that runs;
// false if it was not there.
func (s *kept) original(at uint64) (uint64, bool) {
	i := sort.Search(len(s.bodies), func(i int) bool { return uint64(s.bodies[i]) > at }) - 1
	if i < 0 {
		return 0, false
	}
	return s.code.Original(i, uint32(at-uint64(s.bodies[i])))
}

// lines says for each offset in the code that runs what line of source it comes from, as "a.c:4:11 inlined at a.c:8:3":
// those behind the first are where a function was inlined. What can't be told is left out, and 0 is no offset.
func (p *Program) lines(offsets []uint64) map[uint64]string {
	asked := slices.ContainsFunc(offsets, func(at uint64) bool { return at > 0 })
	if p.source == nil || !asked {
		return nil
	}
	k := p.source.kept()
	if k == nil {
		return nil
	}
	return k.lines(offsets)
}

// lines are an outsider's sections' word: whatever is wrong with them costs lines and nothing else.
func (s *kept) lines(offsets []uint64) map[uint64]string {
	targets := map[uint64]*target{} // by offset in the debug information's code
	from := map[uint64]*target{}
	for _, at := range offsets {
		original, ok := s.original(at)
		if at == 0 || !ok {
			continue
		}
		if targets[original] == nil {
			targets[original] = &target{}
		}
		from[at] = targets[original]
	}
	s.search(targets)
	found := map[uint64]string{}
	for at, t := range from {
		if t.line != "" {
			found[at] = t.text()
		}
	}
	return found
}

// target is a code offset that lines are looked for.
type target struct {
	line    string
	callers []string // where what it is in was inlined, the outermost first
}

func (t *target) text() string {
	text := t.line
	for i := len(t.callers) - 1; i >= 0; i-- {
		text += " inlined at " + t.callers[i]
	}
	return text
}

// search goes through the compilation units until all targets are found. Each is read as if it were the only one, so
// that those which hold no target cost little.
func (s *kept) search(targets map[uint64]*target) {
	defer func() { _ = recover() }() // of debug/dwarf, on sections that it did not expect
	end := time.Now().Add(linesTime)
	info := s.sections["debug_info"]
	for left := len(targets); left > 0 && len(info) > 4 && time.Now().Before(end); {
		size := uint64(binary.LittleEndian.Uint32(info)) + 4
		if size > uint64(len(info)) { // also the form of 64 bits, which is not for 32
			return
		}
		u := unit{end: end}
		if u.open(s.sections, info[:size]) == nil {
			left -= u.search(targets)
		}
		info = info[size:]
	}
}

// unit is a compilation unit under search.
type unit struct {
	end   time.Time
	size  int
	data  *dwarf.Data
	files []*dwarf.LineFile
}

func (u *unit) open(sections map[string][]byte, info []byte) (err error) {
	u.size = len(info)
	u.data, err = dwarf.New(sections["debug_abbrev"], nil, nil, info, sections["debug_line"], nil,
		sections["debug_ranges"], sections["debug_str"])
	for _, name := range debugSections[5:] {
		if data := sections[name]; data != nil && err == nil {
			err = u.data.AddSection("."+name, data)
		}
	}
	return err
}

// search fills in those of the targets that lie in the unit and returns how many it has found.
func (u *unit) search(targets map[uint64]*target) int {
	r := u.data.Reader()
	root, err := r.Next()
	if err != nil || root == nil || root.Tag != dwarf.TagCompileUnit {
		return 0
	}
	mine := u.within(root, targets)
	if len(mine) == 0 {
		return 0
	}
	found, err := u.rows(root, mine)
	if err != nil || found == 0 || u.size > maxUnit {
		return found
	}
	u.inlined(r, mine)
	return found
}

// within picks the targets in an entry's ranges.
func (u *unit) within(entry *dwarf.Entry, targets map[uint64]*target) map[uint64]*target {
	ranges, err := u.data.Ranges(entry)
	if err != nil {
		return nil
	}
	var in map[uint64]*target
	for at, t := range targets {
		for _, r := range ranges {
			if r[0] <= at && at < r[1] {
				if in == nil {
					in = map[uint64]*target{}
				}
				in[at] = t
				break
			}
		}
	}
	return in
}

// rows reads the unit's table of lines: the row of an offset is the last of its sequence that begins at or before it.
func (u *unit) rows(root *dwarf.Entry, targets map[uint64]*target) (found int, err error) {
	lines, err := u.data.LineReader(root)
	if err != nil || lines == nil {
		return 0, err
	}
	u.files = lines.Files()
	var row, next dwarf.LineEntry
	for open := false; lines.Next(&next) == nil; open, row = !next.EndSequence, next {
		if !open || row.Address >= next.Address {
			continue
		}
		for at, t := range targets {
			if row.Address <= at && at < next.Address && t.line == "" {
				t.line = location(row.File, int64(row.Line), int64(row.Column))
				found++
			}
		}
	}
	return found, nil
}

// inlined finds the calls around each target that were inlined. Entries come the outermost first.
func (u *unit) inlined(r *dwarf.Reader, targets map[uint64]*target) {
	for n := 0; ; n++ {
		entry, err := r.Next()
		if err != nil || entry == nil || n%1024 == 0 && time.Now().After(u.end) {
			return
		}
		switch entry.Tag {
		case dwarf.TagSubprogram:
			if len(u.within(entry, targets)) == 0 {
				r.SkipChildren()
			}
		case dwarf.TagInlinedSubroutine:
			file, _ := entry.Val(dwarf.AttrCallFile).(int64)
			line, _ := entry.Val(dwarf.AttrCallLine).(int64)
			column, _ := entry.Val(dwarf.AttrCallColumn).(int64)
			if file < 0 || file >= int64(len(u.files)) {
				continue
			}
			for _, t := range u.within(entry, targets) {
				t.callers = append(t.callers, location(u.files[file], line, column))
			}
		}
	}
}

func location(file *dwarf.LineFile, line, column int64) string {
	text := "?"
	if file != nil {
		text = file.Name
	}
	if line > 0 {
		text += fmt.Sprintf(":%d", line)
		if column > 0 {
			text += fmt.Sprintf(":%d", column)
		}
	}
	return Printable(text)
}
