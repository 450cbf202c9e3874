package wasm

// CallGraph says which functions can call which, directly and through tables. A pass that is interested in part of the
// calls only (those from which an exception can escape, say) makes one with NewCallGraph and adds them itself.
type CallGraph struct {
	spaces   *Spaces
	callers  [][]uint32 // by function: who calls it directly
	indirect [][]uint32 // by class of types: who calls through a table
	class    []uint32   // by type: equal types are of one class
	inTable  []bool     // by function: whether a table can hold it
}

// NewCallGraph makes a graph without calls. Whoever fills it adds each ref.func of a body by Reference, too.
//
// A function can be in a table if an element segment, the value of a global or a ref.func in a body names it. That the
// host puts other functions into the module's tables is ruled out: ours does not.
func (s *Spaces) NewCallGraph() *CallGraph {
	g := &CallGraph{spaces: s, callers: make([][]uint32, len(s.Functions)), class: make([]uint32, len(s.Module.Types)),
		inTable: make([]bool, len(s.Functions))}
	classes := map[string]uint32{}
	for i, t := range s.Module.Types {
		k := t.key()
		if _, seen := classes[k]; !seen {
			classes[k] = uint32(len(classes))
		}
		g.class[i] = classes[k]
	}
	g.indirect = make([][]uint32, len(classes))
	s.Module.eachTableReference(g.Reference)
	return g
}

// Reference says that a body takes a reference to a function, which may end in a table.
func (g *CallGraph) Reference(function uint32) {
	if uint64(function) < uint64(len(g.inTable)) {
		g.inTable[function] = true
	}
}

// bodyError makes an error in a body one of the module.
func (s *Spaces) bodyError(defined int, err *Error) error {
	e := *err
	e.Offset += s.Module.Functions[defined].Offset
	e.Function = len(s.Functions) - len(s.Module.Functions) + defined
	return s.Module.named(&e)
}

// CallGraph reads every call of the module.
func (s *Spaces) CallGraph() (*CallGraph, error) {
	g := s.NewCallGraph()
	first := len(s.Functions) - len(s.Module.Functions)
	r := NewReader(nil)
	for i := range s.Module.Functions {
		for r.Reset(s.Module.Functions[i].Body); r.Next(); {
			switch in := &r.Instr; in.Op {
			case OpCall, OpReturnCall:
				g.Call(uint32(first+i), in.Index)
			case OpCallIndirect, OpReturnCallIndirect:
				g.CallIndirect(uint32(first+i), in.Index)
			case OpRefFunc:
				g.Reference(in.Index)
			}
		}
		if r.err != nil {
			return nil, s.bodyError(i, r.err)
		}
	}
	return g, nil
}

// Call adds a direct call. Calls of functions that don't exist are ignored.
func (g *CallGraph) Call(from, to uint32) {
	if uint64(to) >= uint64(len(g.callers)) {
		return
	}
	if list := g.callers[to]; len(list) == 0 || list[len(list)-1] != from {
		g.callers[to] = append(list, from)
	}
}

// CallIndirect adds a call through a table, of functions of a type.
func (g *CallGraph) CallIndirect(from, functionType uint32) {
	if uint64(functionType) >= uint64(len(g.class)) {
		return
	}
	class := g.class[functionType]
	if list := g.indirect[class]; len(list) == 0 || list[len(list)-1] != from {
		g.indirect[class] = append(list, from)
	}
}

// Reach is the answer to: from which functions can one of some functions be reached?
type Reach struct {
	// Functions says of each function whether one of the seeds can be reached from it; of the seeds too.
	Functions []bool
	graph     *CallGraph
	types     []bool // by class: whether a call through a table can reach a seed
}

// Type reports whether a call through a table of functions of this type can reach one of the seeds.
func (r *Reach) Type(functionType uint32) bool {
	return uint64(functionType) < uint64(len(r.graph.class)) && r.types[r.graph.class[functionType]]
}

// Reaching finds every function from which one of the seeds can be reached.
func (g *CallGraph) Reaching(seeds []uint32) *Reach {
	r := &Reach{Functions: make([]bool, len(g.callers)), graph: g, types: make([]bool, len(g.indirect))}
	var work []uint32
	mark := func(f uint32) {
		if uint64(f) < uint64(len(r.Functions)) && !r.Functions[f] {
			r.Functions[f] = true
			work = append(work, f)
		}
	}
	for _, f := range seeds {
		mark(f)
	}
	for len(work) > 0 {
		f := work[len(work)-1]
		work = work[:len(work)-1]
		for _, caller := range g.callers[f] {
			mark(caller)
		}
		t := g.spaces.Functions[f]
		if !g.inTable[f] || uint64(t) >= uint64(len(g.class)) || r.types[g.class[t]] {
			continue
		}
		r.types[g.class[t]] = true
		for _, caller := range g.indirect[g.class[t]] {
			mark(caller)
		}
	}
	return r
}

// Targets lists the functions that a call through a table can reach directly, by the type that the call names.
func (g *CallGraph) Targets(functionType uint32) []uint32 {
	var targets []uint32
	for f, t := range g.spaces.Functions {
		if g.inTable[f] && uint64(t) < uint64(len(g.class)) && uint64(functionType) < uint64(len(g.class)) &&
			g.class[t] == g.class[functionType] {
			targets = append(targets, uint32(f))
		}
	}
	return targets
}
