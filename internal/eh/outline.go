package eh

import (
	"fmt"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// region says where in a function an exception arises: in the body of which try, by the order in which they open, or
// outside of all, from where it leaves the function. A catch is not in the region of its own try.
type region int

const outside region = -1

// try is a try of a function, as far as the way of exceptions through it goes.
type try struct {
	outer     region   // of the try itself
	delegates bool     // it ends in a delegate
	delegate  region   // to where
	all       bool     // its catches take every exception
	rethrows  []region // of the rethrows that name it
}

// next is where exceptions of a try's body go on to, if not to their end in a catch.
func (t *try) next(visit func(region)) {
	if t.delegates {
		visit(t.delegate)
		return
	}
	for _, p := range t.rethrows {
		visit(p)
	}
	if !t.all {
		visit(t.outer)
	}
}

// site is an instruction that may throw.
type site struct {
	op    wasm.Opcode // throw, call or call_indirect
	index uint32      // of the function or type that is called
	at    region
}

// outline is what is kept of each function.
type outline struct {
	rewrite bool // it has instructions of exceptions
	tries   []try
	sites   []site // where there are tries; nil otherwise
}

// analyze outlines every function and finds from which ones an exception can escape.
func (l *lowering) analyze() error {
	l.first = l.m.ImportedFunctions()
	l.outlines = make([]outline, len(l.m.Functions))
	graph := l.spaces.NewCallGraph()
	s := &scanner{l: l, graph: graph, reader: wasm.NewReader(nil)}
	for i := range l.m.Functions {
		if err := s.function(l.first + uint32(i)); err != nil {
			return err
		}
	}
	seeds := s.throwers
	if s.anyThrow {
		function := uint32(0)
		for i := range l.m.Imports {
			if im := &l.m.Imports[i]; im.Kind == wasm.KindFunction {
				if callsBack(im) {
					seeds = append(seeds, function)
				}
				function++
			}
		}
	}
	l.throws = graph.Reaching(seeds)
	return nil
}

// scanner reads functions for their outlines.
type scanner struct {
	l        *lowering
	graph    *wasm.CallGraph
	reader   *wasm.Reader
	throwers []uint32 // functions that a throw of their own can escape from
	anyThrow bool
	blocks   []block
	sites    []site
}

// block is an open block while scanning.
type block struct {
	try    int    // number of the try, -1 for other blocks
	inside region // of what stands in the block
}

func (s *scanner) function(f uint32) error {
	o := &s.l.outlines[f-s.l.first]
	body := s.l.m.Functions[f-s.l.first].Body
	s.blocks = append(s.blocks[:0], block{try: -1, inside: outside})
	s.sites = s.sites[:0]
	r := s.reader
	for r.Reset(body); r.Next(); {
		in := &r.Instr
		switch in.Op {
		case wasm.OpCall, wasm.OpCallIndirect, wasm.OpThrow:
			s.sites = append(s.sites, site{op: in.Op, index: in.Index, at: s.top().inside})
		case wasm.OpReturnCall, wasm.OpReturnCallIndirect:
			// The function and its handlers are gone when the callee throws.
			s.sites = append(s.sites, site{op: in.Op - wasm.OpReturnCall + wasm.OpCall, index: in.Index, at: outside})
		case wasm.OpRefFunc:
			s.graph.Reference(in.Index)
		case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
			s.blocks = append(s.blocks, block{try: -1, inside: s.top().inside})
		case wasm.OpEnd:
			s.close()
		case wasm.OpTry, wasm.OpCatch, wasm.OpCatchAll, wasm.OpDelegate, wasm.OpRethrow:
			if err := s.exception(f, o, in); err != nil {
				return err
			}
		case wasm.OpTryTable, wasm.OpThrowRef:
			return fmt.Errorf("exceptions: function %s uses %s, of the final encoding, which is not supported: "+
				"compile with -mllvm -wasm-use-legacy-eh", s.l.functionName(f), in.Op)
		}
		if in.Op == wasm.OpThrow {
			s.anyThrow, o.rewrite = true, true
		}
	}
	if err := r.Err(); err != nil {
		return fmt.Errorf("exceptions: function %s: %w", s.l.functionName(f), err)
	}
	s.l.used = s.l.used || o.rewrite
	s.join(f, o)
	return nil
}

func (s *scanner) top() *block { return &s.blocks[len(s.blocks)-1] }

func (s *scanner) close() {
	if len(s.blocks) > 1 {
		s.blocks = s.blocks[:len(s.blocks)-1]
	}
}

// label finds the block that a label names; the function's own where there is no such block, in a module that is not
// valid.
func (s *scanner) label(depth uint32) *block {
	if uint64(depth) >= uint64(len(s.blocks)) {
		return &s.blocks[0]
	}
	return &s.blocks[len(s.blocks)-1-int(depth)]
}

// exception follows an instruction of exceptions other than throw.
func (s *scanner) exception(f uint32, o *outline, in *wasm.Instr) error {
	o.rewrite = true
	if in.Op == wasm.OpTry {
		n := len(o.tries)
		o.tries = append(o.tries, try{outer: s.top().inside})
		s.blocks = append(s.blocks, block{try: n, inside: region(n)})
		return nil
	}
	b := s.top()
	if in.Op == wasm.OpRethrow {
		b = s.label(in.Index)
	}
	if b.try < 0 {
		return fmt.Errorf("exceptions: function %s: %s without its try", s.l.functionName(f), in.Op)
	}
	t := &o.tries[b.try]
	switch in.Op {
	case wasm.OpRethrow:
		t.rethrows = append(t.rethrows, s.top().inside)
	case wasm.OpDelegate:
		s.close()
		t.delegates, t.delegate = true, s.label(in.Index).inside
	default:
		b.inside = t.outer
		t.all = t.all || in.Op == wasm.OpCatchAll || len(s.l.spaces.Tags) == 1
	}
	return nil
}

// join adds to the call graph the calls from which an exception can escape the function.
func (s *scanner) join(f uint32, o *outline) {
	escapes := o.escapes()
	thrower := false
	for _, x := range s.sites {
		if x.at != outside && !escapes[x.at] {
			continue
		}
		switch x.op {
		case wasm.OpCall:
			s.graph.Call(f, x.index)
		case wasm.OpCallIndirect:
			s.graph.CallIndirect(f, x.index)
		case wasm.OpThrow:
			thrower = true
		}
	}
	if thrower {
		s.throwers = append(s.throwers, f)
	}
	if o.tries != nil {
		o.sites = append([]site(nil), s.sites...)
	}
}

// escapes says of each try whether an exception of its body can leave the function.
func (o *outline) escapes() []bool {
	if o.tries == nil {
		return nil
	}
	// Backwards from leaving the function, along the ways that exceptions take.
	before := make([][]region, len(o.tries))
	escapes := make([]bool, len(o.tries))
	var work []region
	reach := func(p region) {
		if !escapes[p] {
			escapes[p] = true
			work = append(work, p)
		}
	}
	for i := range o.tries {
		o.tries[i].next(func(to region) {
			if to == outside {
				reach(region(i))
			} else {
				before[to] = append(before[to], region(i))
			}
		})
	}
	for len(work) > 0 {
		p := work[len(work)-1]
		work = work[:len(work)-1]
		for _, from := range before[p] {
			reach(from)
		}
	}
	return escapes
}

// entered says of each try whether an exception can come out of its body, now that it is known which calls throw.
func (o *outline) entered(throws *wasm.Reach) []bool {
	entered := make([]bool, len(o.tries))
	var work []region
	enter := func(p region) {
		if p != outside && !entered[p] {
			entered[p] = true
			work = append(work, p)
		}
	}
	for _, x := range o.sites {
		if x.op == wasm.OpThrow || x.op == wasm.OpCall && throws.Functions[x.index] ||
			x.op == wasm.OpCallIndirect && throws.Type(x.index) {
			enter(x.at)
		}
	}
	for len(work) > 0 {
		p := work[len(work)-1]
		work = work[:len(work)-1]
		o.tries[p].next(enter)
	}
	return entered
}
