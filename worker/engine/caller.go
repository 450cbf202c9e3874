package engine

import (
	"context"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/faasmrun/faasmrun/worker/program"
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

// Frames says a caller in words, innermost first, as those of a Trap.
func (m *Module) Frames(c Caller) []string {
	var frames []program.Frame
	for _, f := range c {
		if f.function > 0 {
			frames = append(frames, program.Frame{Function: int(f.function - 1), Offset: uint64(f.offset)})
		}
	}
	return m.program.Callers(frames)
}
