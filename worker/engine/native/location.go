package native

import (
	"debug/dwarf"
	"debug/elf"
	"io"
	"path"
	"strconv"
	"sync"

	"github.com/faasmrun/faasmrun/worker/machinecode"
	"github.com/faasmrun/faasmrun/worker/program"
)

// locations tells where in a program its machine code is, from the object's debug information, of which translate
// makes the most: a file is a function, by its index, and a line is the offset of an instruction in its body, plus
// one. It is read when first asked for.
type locations struct {
	code     *code
	bodies   []uint32 // where in the code section each function's body begins
	imported int
	source   func() *source

	mu    sync.Mutex
	known map[uint64]location // guarded by mu
}

// location is what is known of an instruction.
type location struct {
	frames []program.Frame // those of the program that are there at once, innermost first: others were inlined
	rule   rule
	leads  bool // rule leads on to the caller
}

// source is debug information. Both parts may be nil.
type source struct {
	lines  *dwarf.Data
	frames *callFrames
}

// maxKnown bounds the locations that are kept: each call that a program makes is one.
const maxKnown = 1 << 16

func newLocations(c *code, bodies []uint32, imported uint32, file io.ReaderAt) *locations {
	return &locations{code: c, bodies: bodies, imported: int(imported), known: map[uint64]location{},
		source: sync.OnceValue(func() *source { return readSource(file) })}
}

// readSource reads an object's debug information. Where that can't be had, backtraces have no frames.
func readSource(file io.ReaderAt) *source {
	s := &source{}
	f, err := elf.NewFile(file)
	if err != nil {
		return s
	}
	if section := f.Section(".debug_frame"); section != nil {
		if b, err := section.Data(); err == nil {
			s.frames = readCallFrames(b)
		}
	}
	s.lines, _ = f.DWARF()
	return s
}

// maxFrames bounds a backtrace.
const maxFrames = 30

// backtrace tells frames of the program, innermost first, from registers on. called says that they are of the
// instruction behind a call, else of one that has faulted.
func (l *locations) backtrace(s *machinecode.Stack, r machinecode.Registers, called bool) []program.Frame {
	var frames []program.Frame
	for n := 0; ; n++ {
		pc := r[machinecode.RIP]
		if called {
			pc--
		}
		var at location
		switch {
		case l.code.executes(uintptr(pc)):
			at = l.location(pc)
			frames = append(frames, at.frames...)
		case n == 0: // a jump to where no code is, or one of the ways out: what called it is the frame
			at = location{rule: calledRule, leads: true}
		}
		if len(frames) > maxFrames {
			return append(frames[:maxFrames], program.Frame{Host: program.Omitted})
		}
		if !at.leads || !unwind(s, &r, at.rule) {
			return frames
		}
		called = true
	}
}

// calledRule is that of a function's first instruction.
var calledRule = func() rule {
	r := rule{register: machinecode.RSP, offset: 8}
	r.stored[machinecode.RIP] = -8
	return r
}()

// unwind makes of a function's registers its caller's. It reports whether there is one.
func unwind(s *machinecode.Stack, r *machinecode.Registers, by rule) bool {
	if by.register >= uint64(len(r)) {
		return false
	}
	cfa := r[by.register] + uint64(by.offset)
	if cfa <= r[machinecode.RSP] { // callers are further up
		return false
	}
	before := *r
	for register, offset := range by.stored {
		if offset == 0 {
			continue
		}
		words := s.Stored(uintptr(cfa+uint64(offset)), 1)
		if words == nil {
			return false
		}
		r[register] = words[0]
	}
	r[machinecode.RSP] = cfa
	return r[machinecode.RIP] != before[machinecode.RIP] || cfa != before[machinecode.RSP]
}

// location tells an instruction.
func (l *locations) location(pc uint64) location {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.known[pc]; ok {
		return known
	}
	source := l.source()
	var at location
	offset := pc - uint64(l.code.base)
	if source.frames != nil {
		at.rule, at.leads = source.frames.rule(offset)
	}
	if source.lines != nil {
		at.frames = l.frames(source.lines, offset)
	}
	if len(l.known) < maxKnown {
		l.known[pc] = at
	}
	return at
}

// frames are those of an address in the object: the line, and around it the calls that were inlined.
func (l *locations) frames(lines *dwarf.Data, at uint64) (frames []program.Frame) {
	defer func() { _ = recover() }() // of debug/dwarf, on sections that it did not expect
	r := lines.Reader()
	unit, err := r.SeekPC(at)
	if err != nil {
		return nil
	}
	table, err := lines.LineReader(unit)
	if err != nil || table == nil {
		return nil
	}
	var row dwarf.LineEntry
	if table.SeekPC(at, &row) != nil {
		return nil
	}
	files := table.Files()
	if f, ok := l.frame(row.File, int64(row.Line)); ok {
		frames = append(frames, f)
	}
	// Entries come the outermost first.
	var calls []program.Frame
	for {
		e, err := r.Next()
		if err != nil || e == nil || e.Tag == dwarf.TagCompileUnit {
			break
		}
		if e.Tag != dwarf.TagSubprogram && e.Tag != dwarf.TagInlinedSubroutine {
			continue
		}
		if !within(lines, e, at) {
			r.SkipChildren()
			continue
		}
		if e.Tag == dwarf.TagInlinedSubroutine {
			file, _ := e.Val(dwarf.AttrCallFile).(int64)
			line, _ := e.Val(dwarf.AttrCallLine).(int64)
			if file < 0 || file >= int64(len(files)) {
				continue
			}
			if f, ok := l.frame(files[file], line); ok {
				calls = append(calls, f)
			}
		}
	}
	for i := len(calls) - 1; i >= 0; i-- {
		frames = append(frames, calls[i])
	}
	return frames
}

// within reports whether an address is in an entry's ranges.
func within(lines *dwarf.Data, e *dwarf.Entry, at uint64) bool {
	ranges, err := lines.Ranges(e)
	if err != nil {
		return false
	}
	for _, r := range ranges {
		if r[0] <= at && at < r[1] {
			return true
		}
	}
	return false
}

// frame is a line of a file that is a function of the program; false for code that is none of its, or only calls the
// host.
func (l *locations) frame(file *dwarf.LineFile, line int64) (program.Frame, bool) {
	if file == nil {
		return program.Frame{}, false
	}
	index, err := strconv.ParseUint(path.Base(file.Name), 10, 32)
	if err != nil || int(index) < l.imported {
		return program.Frame{}, false
	}
	return l.at(uint32(index), uint64(max(line, 0)))
}

// at is a line of a function.
func (l *locations) at(function uint32, line uint64) (program.Frame, bool) {
	defined := int(function) - l.imported
	if defined < 0 || defined >= len(l.bodies) {
		return program.Frame{}, false
	}
	f := program.Frame{Function: int(function)}
	if line > 0 {
		f.Offset = uint64(l.bodies[defined]) + line - 1
	}
	return f, true
}
