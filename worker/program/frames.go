package program

import (
	"fmt"
	"slices"
)

// Frame is one of a program's stack, as an engine knows it.
type Frame struct {
	Host     string // of a function of the host, or Omitted; empty for one of the module
	Function int    // of the module's, by index
	Offset   uint64 // in the code that runs; 0 if it is not known
}

// Describe makes text of frames, with files and lines where they are known.
func (p *Program) Describe(frames []Frame) []string {
	var offsets []uint64
	for _, f := range frames {
		offsets = append(offsets, f.Offset)
	}
	lines := p.lines(offsets)
	var text []string
	for _, f := range frames {
		name := p.name(f)
		if at := lines[f.Offset]; at != "" {
			name += " (" + at + ")"
		}
		text = append(text, name)
	}
	return text
}

// name is a frame's function.
func (p *Program) name(f Frame) string {
	if f.Host != "" {
		return f.Host
	}
	return p.FunctionName(f.Function)
}

// added reports whether a frame is of a function that only hosts call.
func (p *Program) added(f Frame) bool { return f.Host == "" && f.Function >= p.Functions }

// startup are the functions around main. Clang gives main itself one of these names, by its parameters.
var startup = map[string]bool{"_start": true, "__main_void": true, "__original_main": true, "__main_argc_argv": true}

// Callers says where a call comes from, innermost first: the frames from main on.
func (p *Program) Callers(frames []Frame) []string {
	var offsets []uint64
	for _, f := range frames {
		offsets = append(offsets, f.Offset)
	}
	lines := p.lines(offsets)
	var text []string
	for _, f := range frames {
		if p.added(f) {
			break // the rest is ours
		}
		name, at := p.name(f), lines[f.Offset]
		if startup[name] {
			if at == "" {
				break
			}
			name = "main"
		}
		if at != "" {
			name += " (" + at + ")"
		}
		text = append(text, name)
	}
	return text
}

// BadPointer is the trap of a host call that was to call a function pointer, with so many arguments, and could not.
func BadPointer(kind TrapKind, index uint32, args int) *Trap {
	return &Trap{Kind: kind,
		Detail: fmt.Sprintf("pointer %d, given to a library to be called with %d arguments", index, args)}
}

// CalledBack is what ended a call of a function pointer by a host call, as a person is to see it: without our own
// function, and as a BadPointer where nothing else is left.
func (p *Program) CalledBack(err error, index uint32, args int) error {
	if trap, ok := err.(*Trap); !p.HideCallback(err) && ok {
		return BadPointer(trap.Kind, index, args)
	}
	return err
}

// HideCallback takes the outermost frame out of what a person sees where it is of a function that only hosts call. It
// reports whether frames are left: if none, the pointer itself was at fault.
func (p *Program) HideCallback(err error) (ok bool) {
	switch e := err.(type) {
	case *Trap:
		if n := len(e.Frames); n > 0 && p.added(e.Outermost) {
			e.Frames = e.Frames[:n-1]
			return n > 1
		}
	case *HostError:
		if n := len(e.frames); n > 0 && p.added(e.frames[n-1]) {
			e.frames = slices.Clip(e.frames[:n-1])
		}
	}
	return true
}
