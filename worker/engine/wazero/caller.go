package wazero

import (
	"context"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/faasmrun/faasmrun/worker/engine"
)

// Caller implements engine.Instance.
func (in *Instance) Caller() engine.Caller { return in.context.caller }

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
	*c = engine.Caller{}
	if !stack.Next() { // the host's function itself
		return
	}
	for i := 0; i < engine.CallerFrames && stack.Next(); i++ {
		f := stack.Function()
		c[i].Function = f.Definition().Index() + 1
		c[i].Offset = uint32(f.SourceOffsetForPC(stack.ProgramCounter()))
	}
}

// After implements experimental.FunctionListener.
func (tracer) After(context.Context, api.Module, api.FunctionDefinition, []uint64) {}

// Abort implements experimental.FunctionListener.
func (tracer) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}
