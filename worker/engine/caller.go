package engine

import (
	"context"
	"debug/dwarf"
	"fmt"
	"slices"
	"sort"
	"sync"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// callerFrames is how much of its stack a Caller keeps: enough to see past a program's own wrappers.
const callerFrames = 3

// Caller is where in the program a host call comes from: its innermost frames. Those of one place are equal.
type Caller [callerFrames]struct {
	function uint32 // its index, plus one
	offset   uint32 // of the call in the code section; 0 where the module has no lines
}

// Caller gives where the host call comes from that is under way, where Options.Callers asked for it.
func (in *Instance) Caller() Caller { return in.context.caller }

// tracer notes for each host call where it comes from. Only the host's functions are listened to: the program's code, and
// what is kept of it in the cache, stay as they are.
type tracer struct{}

func traced(ctx context.Context) context.Context {
	return experimental.WithFunctionListenerFactory(ctx, tracer{})
}

// NewFunctionListener implements experimental.FunctionListenerFactory.
func (t tracer) NewFunctionListener(api.FunctionDefinition) experimental.FunctionListener { return t }

// Before implements experimental.FunctionListener.
func (tracer) Before(ctx context.Context, _ api.Module, _ api.FunctionDefinition, _ []uint64, stack experimental.StackIterator) {
	c := &ctx.(*callContext).caller
	*c = Caller{}
	if !stack.Next() { // the host's function itself
		return
	}
	for i := 0; i < callerFrames && stack.Next(); i++ {
		f := stack.Function()
		c[i].function = f.Definition().Index() + 1
		c[i].offset = uint32(f.SourceOffsetForPC(stack.ProgramCounter()))
	}
}

// After implements experimental.FunctionListener.
func (tracer) After(context.Context, api.Module, api.FunctionDefinition, []uint64) {}

// Abort implements experimental.FunctionListener.
func (tracer) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}

// startup are the functions around main. Clang gives main itself one of these names, by its parameters.
var startup = map[string]bool{"_start": true, "__main_void": true, "__original_main": true, "__main_argc_argv": true}

// Frames says a caller in words, innermost first, as those of a Trap.
func (m *Module) Frames(c Caller) []string {
	m.lines.once.Do(func() { m.lines.read(m.layout.debug) })
	var frames []string
	for _, f := range c {
		if f.function == 0 || int(f.function) > m.layout.functions {
			break // the rest is ours
		}
		name, at := m.layout.functionName(int(f.function-1)), m.lines.at(f.offset)
		if startup[name] {
			if at == "" {
				break
			}
			name = "main"
		}
		if at != "" {
			name += " (" + at + ")"
		}
		frames = append(frames, name)
	}
	return frames
}

// lines are a module's source lines by their code's place, read when they are first asked for.
type lines struct {
	once    sync.Once
	entries []lineEntry // by address
}

type lineEntry struct {
	address   uint64
	file      string
	line, col int
	end       bool // of what is known: nothing is here
}

// read takes the lines out of the debug information. What can't be read is left out: it is for messages alone.
func (l *lines) read(sections map[string][]byte) {
	d, err := dwarf.New(sections[".debug_abbrev"], nil, nil, sections[".debug_info"], sections[".debug_line"], nil,
		sections[".debug_ranges"], sections[".debug_str"])
	if err != nil {
		return
	}
	for r := d.Reader(); ; r.SkipChildren() {
		unit, err := r.Next()
		if err != nil || unit == nil {
			break
		}
		of, err := d.LineReader(unit)
		if err != nil || of == nil {
			continue
		}
		for e := (dwarf.LineEntry{}); of.Next(&e) == nil; {
			if e.Address == 0 || int32(e.Address) < 0 && int32(e.Address) >= -2 {
				continue // of a function that the linker has left out
			}
			l.entries = append(l.entries, lineEntry{e.Address, e.File.Name, e.Line, e.Column, e.EndSequence})
		}
	}
	slices.SortStableFunc(l.entries, func(a, b lineEntry) int {
		switch {
		case a.address < b.address || a.address == b.address && a.end && !b.end:
			return -1
		case a.address == b.address && a.end == b.end:
			return 0
		}
		return 1
	})
}

// at is the line of a place, "" if it is not known.
func (l *lines) at(offset uint32) string {
	i := sort.Search(len(l.entries), func(i int) bool { return l.entries[i].address > uint64(offset) })
	if offset == 0 || i == 0 || l.entries[i-1].end || l.entries[i-1].line == 0 {
		return ""
	}
	e := l.entries[i-1]
	return printable(fmt.Sprintf("%s:%d:%d", e.file, e.line, e.col))
}

// debugSections are the sections that lines are read from, where there are lines of a bearable size.
func debugSections(m *wasm.Module) map[string][]byte {
	if !debugLines(m) {
		return nil
	}
	sections := map[string][]byte{}
	for _, c := range m.Customs {
		sections[c.Name] = c.Data
	}
	return sections
}
