package eh

import "github.com/faasmrun/faasmrun/internal/wasm"

// rewriter rewrites functions, one after the other.
//
// A try becomes two blocks. Exceptions of its body branch to the end of the inner one, behind which the catches stand
// as a chain of ifs over the pending tag; everything else goes to the end of the outer one, where the try ended:
//
//	block type              the label of the try
//	  block                 the handler: exceptions branch here
//	    body                after a call that may throw: global.get pending, br_if handler
//	    br try
//	  end
//	  pending == tag+1
//	  if type
//	    pending = 0
//	    push the values of the exception
//	    body of the catch
//	  else                  further catches; without catch_all, in the end
//	    br handler around
//	  end
//	end
//
// A function that exceptions leave is itself such an inner block, behind which it returns with default values.
type rewriter struct {
	*lowering
	reader  *wasm.Reader
	outline *outline
	entered []bool // by try: whether its catches can be reached
	handler []int  // by try: where exceptions of its body branch to
	tries   int    // how many have been opened
	code    *wasm.Rewrite
	depth   int // open blocks of the output, the function's own not counted
	frames  []frame
	results []wasm.ValueType
	saved   savedSlots
	types   map[string]wasm.BlockType // what addType knows; nil until it is asked
}

// frame is an open block of the input.
type frame struct {
	label   int // the output block that its label means, by how many were open outside of it
	handler int // the output block that exceptions within it branch to
	try     int // number of the try, -1 for other blocks
	outer   int // of a try: the handler around it
	block   wasm.BlockType
	ifs     int // open ifs of its catches
	caught  bool
	all     bool // its catches so far take everything
	slot    int  // where its exception is saved for a rethrow
}

// function rewrites a function in place.
func (r *rewriter) function(index uint32, f *wasm.Function) {
	r.outline = &r.outlines[index-r.first]
	r.entered = r.outline.entered(r.throws)
	t, _ := r.spaces.FunctionType(index)
	r.results = t.Results
	r.saved.reset(r.lowering, f, len(t.Params))
	r.tries, r.depth = 0, 0
	r.handler = append(r.handler[:0], make([]int, len(r.outline.tries))...)
	r.code.Begin(int(index - r.first))
	body := frame{try: -1}
	// Branching to the end of a function that gives nothing returns from it; otherwise the results must be made up.
	wrapped := r.throws.Functions[index] && len(t.Results) > 0
	if wrapped {
		r.open(wasm.OpBlock, wasm.BlockVoid)
		body.handler = r.depth
	}
	r.frames = append(r.frames[:0], body)
	r.reader.Reset(f.Body)
	for r.reader.Next() {
		r.instr()
	}
	if wrapped {
		r.code.Op(wasm.OpReturn)
		r.code.Op(wasm.OpEnd)
		for _, v := range t.Results {
			r.code.Zero(v)
		}
	}
	r.code.Op(wasm.OpEnd)
	r.code.End()
	f.Locals = append(f.Locals[:len(f.Locals):len(f.Locals)], r.saved.locals...)
}

func (r *rewriter) top() *frame { return &r.frames[len(r.frames)-1] }

func (r *rewriter) label(depth uint32) *frame { return &r.frames[len(r.frames)-1-int(depth)] }

func (r *rewriter) open(op wasm.Opcode, t wasm.BlockType) {
	r.code.Block(op, t)
	r.depth++
}

func (r *rewriter) end() {
	r.code.Op(wasm.OpEnd)
	r.depth--
}

// branch goes to the end of an output block.
func (r *rewriter) branch(op wasm.Opcode, target int) { r.code.Index(op, uint32(r.depth-target)) }

// replace is Replace of the current instruction.
func (r *rewriter) replace() { r.code.Replace(&r.reader.Instr) }

func (r *rewriter) instr() {
	in := &r.reader.Instr
	switch in.Op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		r.depth++
		r.frames = append(r.frames, frame{label: r.depth, handler: r.top().handler, try: -1})
	case wasm.OpTry:
		r.replace()
		r.try(in.Block)
	case wasm.OpCatch, wasm.OpCatchAll:
		r.replace()
		r.catch(in)
	case wasm.OpEnd:
		r.close()
	case wasm.OpDelegate:
		r.replace()
		r.end()
		r.pop()
	case wasm.OpBr, wasm.OpBrIf:
		if target := r.label(in.Index).label; r.depth-target != int(in.Index) {
			r.replace()
			r.branch(in.Op, target)
		}
	case wasm.OpBrTable:
		r.replace()
		for i, l := range in.Labels {
			in.Labels[i] = uint32(r.depth - r.label(l).label)
		}
		r.code.BrTable(in.Labels)
	case wasm.OpThrow:
		r.replace()
		values := r.tags[in.Index]
		for i := len(values) - 1; i >= 0; i-- {
			r.code.Index(wasm.OpGlobalSet, values[i])
		}
		r.setPending(int32(in.Index) + 1)
		r.branch(wasm.OpBr, r.top().handler)
	case wasm.OpRethrow:
		r.replace()
		r.rethrow(r.label(in.Index))
	case wasm.OpCall:
		if r.throws.Functions[in.Index] {
			r.test()
		}
	case wasm.OpCallIndirect:
		if r.throws.Type(in.Index) {
			r.test()
		}
	}
}

// test branches to the handler if an exception is pending after a call.
func (r *rewriter) test() {
	handler := r.top().handler
	if handler == r.frames[0].handler && r.returns() {
		return // with the exception pending: nobody looks at what the function gives
	}
	r.code.Keep(r.reader.Instr.End)
	r.code.Index(wasm.OpGlobalGet, r.pending)
	r.branch(wasm.OpBrIf, handler)
}

// returns reports whether the next instruction ends the function.
func (r *rewriter) returns() bool {
	next, last := r.reader.Peek()
	return next == wasm.OpReturn || last
}

func (r *rewriter) setPending(v int32) {
	r.code.I32(v)
	r.code.Index(wasm.OpGlobalSet, r.pending)
}

// try opens a try. One whose catches can't be reached becomes a block, and its catches go.
func (r *rewriter) try(t wasm.BlockType) {
	n := r.tries
	r.tries++
	info := &r.outline.tries[n]
	f := frame{try: n, outer: r.top().handler, handler: r.top().handler, block: t}
	if info.delegates && r.entered[n] {
		f.handler = r.frames[0].handler
		if info.delegate != outside {
			f.handler = r.handler[info.delegate]
		}
	}
	r.open(wasm.OpBlock, t)
	f.label = r.depth
	if !info.delegates && r.entered[n] {
		r.open(wasm.OpBlock, r.handlerType(t))
		f.handler = r.depth
	}
	r.handler[n] = f.handler
	r.frames = append(r.frames, f)
}

// handlerType is the type of the block around a try's body: it takes what the try takes and gives nothing.
func (r *rewriter) handlerType(t wasm.BlockType) wasm.BlockType {
	if b, _ := r.spaces.BlockType(t); len(b.Params) > 0 {
		return r.addType(wasm.FuncType{Params: b.Params})
	}
	return wasm.BlockVoid
}

// catchType is the type of an if around a catch: it gives what the try gives.
func (r *rewriter) catchType(t wasm.BlockType) wasm.BlockType {
	if b, _ := r.spaces.BlockType(t); len(b.Params) > 0 {
		return r.addType(wasm.FuncType{Results: b.Results})
	}
	return t
}

// addType is the module's AddType with a memory, as a module may have many types and tries.
func (r *rewriter) addType(t wasm.FuncType) wasm.BlockType {
	if r.types == nil {
		r.types = map[string]wasm.BlockType{}
		for i, have := range r.m.Types {
			if _, known := r.types[have.String()]; !known {
				r.types[have.String()] = wasm.BlockType(i)
			}
		}
	}
	index, known := r.types[t.String()]
	if !known {
		index = wasm.BlockType(len(r.m.Types))
		r.m.Types = append(r.m.Types, t)
		r.types[t.String()] = index
	}
	return index
}

func (r *rewriter) catch(in *wasm.Instr) {
	f := r.top()
	if !r.entered[f.try] {
		r.skip()
		return
	}
	if f.all {
		r.skip()
		return
	}
	if !f.caught {
		r.closeBody(f)
	} else {
		r.code.Op(wasm.OpElse)
	}
	if f.all = in.Op == wasm.OpCatchAll || len(r.tags) == 1; !f.all {
		r.code.Index(wasm.OpGlobalGet, r.pending)
		r.code.I32(int32(in.Index) + 1)
		r.code.Op(wasm.OpI32Eq)
		r.open(wasm.OpIf, r.catchType(f.block))
		f.ifs++
	}
	r.setPending(0)
	if in.Op == wasm.OpCatch {
		for _, v := range r.tags[in.Index] {
			r.code.Index(wasm.OpGlobalGet, v)
		}
	}
}

// closeBody ends a try's body: what follows is its handler.
func (r *rewriter) closeBody(f *frame) {
	r.branch(wasm.OpBr, f.label)
	r.end()
	f.caught, f.handler = true, f.outer
	if len(r.outline.tries[f.try].rethrows) > 0 {
		f.slot = r.saved.take()
		r.save(f.slot)
	}
}

// close ends a block. The function's own end is written by function.
func (r *rewriter) close() {
	f := r.top()
	if f.try < 0 && len(r.frames) > 1 {
		r.depth--
		r.pop()
		return
	}
	r.replace()
	if len(r.frames) == 1 {
		return
	}
	if r.entered[f.try] {
		if !f.caught { // a try without catches
			r.closeBody(f)
			r.branch(wasm.OpBr, f.outer)
		} else if !f.all {
			r.code.Op(wasm.OpElse)
			r.branch(wasm.OpBr, f.outer)
		}
		for ; f.ifs > 0; f.ifs-- {
			r.end()
		}
	}
	r.end()
	r.pop()
}

func (r *rewriter) pop() {
	if f := r.top(); f.caught && len(r.outline.tries[f.try].rethrows) > 0 {
		r.saved.give()
	}
	r.frames = r.frames[:len(r.frames)-1]
}

// skip drops the rest of a try, which control can't come to: its remaining catches, and what they hold. The try's end
// is then as good as read.
func (r *rewriter) skip() {
	for depth := 0; r.reader.Next(); {
		switch r.reader.Instr.Op {
		case wasm.OpTry:
			r.tries++
			depth++
		case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
			depth++
		case wasm.OpDelegate:
			depth--
		case wasm.OpEnd:
			if depth == 0 {
				r.code.Skip(r.reader.Instr.Start)
				r.close()
				return
			}
			depth--
		}
	}
}

// save keeps the pending exception for a rethrow.
func (r *rewriter) save(slot int) {
	local := r.saved.first(slot)
	if r.saved.tag {
		r.code.Index(wasm.OpGlobalGet, r.pending)
		r.code.Index(wasm.OpLocalSet, local)
		local++
	}
	for _, v := range r.values {
		r.code.Index(wasm.OpGlobalGet, v.global)
		r.code.Index(wasm.OpLocalSet, local)
		local++
	}
}

func (r *rewriter) rethrow(f *frame) {
	local := r.saved.first(f.slot)
	if r.saved.tag {
		r.code.Index(wasm.OpLocalGet, local)
		r.code.Index(wasm.OpGlobalSet, r.pending)
		local++
	} else {
		r.setPending(1)
	}
	for _, v := range r.values {
		r.code.Index(wasm.OpLocalGet, local)
		r.code.Index(wasm.OpGlobalSet, v.global)
		local++
	}
	r.branch(wasm.OpBr, r.top().handler)
}

// savedSlots are locals in which catches keep their exceptions. Catches that are open at the same time have slots of
// their own; others share them.
type savedSlots struct {
	base   uint32
	tag    bool // the tag is kept too, as there are several
	values []value
	used   int
	most   int
	locals []wasm.Locals
}

func (s *savedSlots) reset(l *lowering, f *wasm.Function, params int) {
	*s = savedSlots{base: uint32(params), tag: len(l.tags) > 1, values: l.values}
	for _, x := range f.Locals {
		s.base += x.Count
	}
}

func (s *savedSlots) size() int {
	if s.tag {
		return len(s.values) + 1
	}
	return len(s.values)
}

// first is the first local of a slot.
func (s *savedSlots) first(slot int) uint32 { return s.base + uint32(slot*s.size()) }

func (s *savedSlots) take() int {
	if s.used++; s.used > s.most {
		s.most = s.used
		add := func(t wasm.ValueType) {
			if n := len(s.locals); n > 0 && s.locals[n-1].Type == t {
				s.locals[n-1].Count++
			} else {
				s.locals = append(s.locals, wasm.Locals{Count: 1, Type: t})
			}
		}
		if s.tag {
			add(wasm.I32)
		}
		for _, v := range s.values {
			add(v.typ)
		}
	}
	return s.used - 1
}

func (s *savedSlots) give() { s.used-- }
