package wasm

// Validate checks the module as an engine does before it compiles it: every index, every constant expression, the types
// of every instruction. Features that an engine may lack are no errors here; Features names them.
func (m *Module) Validate() error {
	s := m.Spaces()
	v := &validator{m: m, s: s}
	v.module()
	if v.err != nil {
		return v.err
	}
	c := s.Cursor()
	first := m.ImportedFunctions()
	for i := range m.Functions {
		err := c.Open(first + uint32(i))
		for c.Next() {
		}
		if err == nil {
			err = c.Err()
		}
		if err != nil {
			return m.named(err)
		}
	}
	return nil
}

// named gives an error the name of its function, where the module has one.
func (m *Module) named(err error) error {
	if e, ok := err.(*Error); ok && e.Function >= 0 && e.Name == "" {
		e.Name = m.Names().Functions[uint32(e.Function)]
	}
	return err
}

type validator struct {
	m   *Module
	s   *Spaces
	err *Error
}

func (v *validator) fail(format string, args ...any) {
	if v.err == nil {
		v.err = errorAt(0, format, args...)
	}
}

func (v *validator) within(index uint32, count int, user, what string) bool {
	if uint64(index) >= uint64(count) {
		v.fail("%s names %s %d of %d", user, what, index, count)
		return false
	}
	return true
}

func (v *validator) module() {
	for _, t := range v.s.Functions {
		v.within(t, len(v.m.Types), "a function", "type")
	}
	for _, t := range v.s.Tags {
		if v.within(t, len(v.m.Types), "a tag", "type") && len(v.m.Types[t].Results) > 0 {
			v.fail("a tag is of a type with results")
		}
	}
	for _, t := range v.s.Tables {
		v.limits(t.Limits, maxTable32, maxTable64, "table")
	}
	for _, l := range v.s.Memories {
		v.limits(l, maxPages32, maxPages64, "memory")
		if l.Shared && !l.HasMax {
			v.fail("a shared memory has no maximum")
		}
	}
	imported := len(v.s.Globals) - len(v.m.Globals)
	for i := range v.m.Globals {
		// A global may use those before it.
		v.constant(v.m.Globals[i].Init, v.m.Globals[i].Type, imported+i, "a global")
	}
	v.exports()
	v.start()
	for i := range v.m.Elements {
		v.element(&v.m.Elements[i])
	}
	for i := range v.m.Data {
		if d := &v.m.Data[i]; !d.Passive {
			if v.within(d.Memory, len(v.s.Memories), "a data segment", "memory") {
				v.constant(d.Offset, v.s.Memories[d.Memory].Address(), len(v.s.Globals), "a data segment")
			}
		}
	}
}

func (v *validator) limits(l Limits, most32, most64 uint64, what string) {
	most := most32
	if l.Is64 {
		most = most64
	}
	if l.Min > most || l.HasMax && (l.Max > most || l.Max < l.Min) {
		v.fail("a %s has limits that cannot be: %d to %d of at most %d", what, l.Min, l.Max, most)
	}
}

func (v *validator) exports() {
	seen := make(map[string]bool, len(v.m.Exports))
	counts := [...]int{len(v.s.Functions), len(v.s.Tables), len(v.s.Memories), len(v.s.Globals), len(v.s.Tags)}
	for _, e := range v.m.Exports {
		if seen[e.Name] {
			v.fail("two exports are called %s", e.Name)
		}
		seen[e.Name] = true
		if int(e.Kind) >= len(counts) {
			v.fail("export %s is of unknown kind %d", e.Name, e.Kind)
			return
		}
		v.within(e.Index, counts[e.Kind], "export "+e.Name, "item")
	}
}

func (v *validator) start() {
	if !v.m.HasStart || !v.within(v.m.Start, len(v.s.Functions), "the start section", "function") {
		return
	}
	if t, ok := v.s.FunctionType(v.m.Start); ok && len(t.Params)+len(t.Results) > 0 {
		v.fail("the start function takes or gives values")
	}
}

func (v *validator) element(e *Element) {
	if e.Mode == ElementActive {
		if v.within(e.Table, len(v.s.Tables), "an element segment", "table") {
			table := v.s.Tables[e.Table]
			if table.Type != e.Type {
				v.fail("an element segment of %s is for a table of %s", e.Type, table.Type)
			}
			v.constant(e.Offset, table.Limits.Address(), len(v.s.Globals), "an element segment")
		}
	}
	for _, f := range e.Functions {
		v.within(f, len(v.s.Functions), "an element segment", "function")
	}
	for _, x := range e.Exprs {
		v.constant(x, e.Type, len(v.s.Globals), "an element segment")
	}
}

// constant checks a constant expression: it may use the first globals of the module only, and those that never change.
func (v *validator) constant(x Expr, want ValueType, globals int, user string) {
	var stack []ValueType
	r := NewReader(x)
	done := false
	for r.Next() && v.err == nil {
		if done {
			v.fail("%s has a constant expression that goes on behind its end", user)
		}
		switch in := &r.Instr; in.Op {
		case OpI32Const:
			stack = append(stack, I32)
		case OpI64Const:
			stack = append(stack, I64)
		case OpF32Const:
			stack = append(stack, F32)
		case OpF64Const:
			stack = append(stack, F64)
		case OpV128Const:
			stack = append(stack, V128)
		case OpRefNull:
			stack = append(stack, in.Types[0])
		case OpRefFunc:
			v.within(in.Index, len(v.s.Functions), user, "function")
			stack = append(stack, FuncRef)
		case OpGlobalGet:
			if v.within(in.Index, globals, user, "global") {
				if v.s.Globals[in.Index].Mutable {
					v.fail("%s has a constant expression with a mutable global", user)
				}
				stack = append(stack, v.s.Globals[in.Index].Type)
			}
		case OpI32Add, OpI32Sub, OpI32Mul, OpI64Add, OpI64Sub, OpI64Mul:
			t := letterTypes[operations[in.Op].pushes[0]]
			if n := len(stack); n < 2 || stack[n-1] != t || stack[n-2] != t {
				v.fail("%s has a constant expression whose %s lacks operands", user, in.Op)
			} else {
				stack = stack[:n-1]
			}
		case OpEnd:
			done = true
		default:
			v.fail("%s has a constant expression with %s", user, in.Op)
		}
	}
	if v.err == nil && (r.err != nil || !done || len(stack) != 1 || stack[0] != want) {
		v.fail("%s has a constant expression that gives (%s) and not %s", user, typeList(stack), want)
	}
}

// isDeclared reports whether ref.func in a body may name a function: it must appear outside of bodies, other than as
// the start function.
func (s *Spaces) isDeclared(function uint32) bool {
	if s.declared == nil {
		s.declared = make([]bool, len(s.Functions))
		s.Module.eachReference(func(f uint32) {
			if uint64(f) < uint64(len(s.declared)) {
				s.declared[f] = true
			}
		})
	}
	return s.declared[function]
}

// eachReference visits the functions that elements, exports and the values of globals name.
func (m *Module) eachReference(visit func(function uint32)) {
	for _, e := range m.Exports {
		if e.Kind == KindFunction {
			visit(e.Index)
		}
	}
	m.eachTableReference(visit)
}

// eachTableReference visits the functions that elements and the values of globals name: those that can be in a table
// without an instruction ref.func or the host putting them there.
func (m *Module) eachTableReference(visit func(function uint32)) {
	named := func(x Expr) {
		for r := NewReader(x); r.Next(); {
			if r.Instr.Op == OpRefFunc {
				visit(r.Instr.Index)
			}
		}
	}
	for i := range m.Globals {
		named(m.Globals[i].Init)
	}
	for i := range m.Elements {
		for _, f := range m.Elements[i].Functions {
			visit(f)
		}
		for _, x := range m.Elements[i].Exprs {
			named(x)
		}
	}
}
