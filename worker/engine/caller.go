package engine

import (
	"context"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
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

// tracer notes for each host call where it comes from. Only the host's functions have listeners: the program's code,
// and what is kept of it in the cache, stay as they are.
type tracer struct{}

func traced(ctx context.Context) context.Context {
	return experimental.WithFunctionListenerFactory(ctx, tracer{})
}

// NewFunctionListener implements experimental.FunctionListenerFactory.
func (t tracer) NewFunctionListener(api.FunctionDefinition) experimental.FunctionListener { return t }

// Before implements experimental.FunctionListener.
func (tracer) Before(ctx context.Context, _ api.Module, _ api.FunctionDefinition, _ []uint64,
	stack experimental.StackIterator) {
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
	var offsets []uint64
	for _, f := range c {
		offsets = append(offsets, uint64(f.offset))
	}
	lines := m.layout.lines(offsets)
	var frames []string
	for _, f := range c {
		if f.function == 0 || int(f.function) > m.layout.functions {
			break // the rest is ours
		}
		name, at := m.layout.functionName(int(f.function-1)), lines[uint64(f.offset)]
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
