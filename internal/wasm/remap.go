package wasm

import "slices"

// Remap changes indices throughout a module: in bodies, constant expressions, segments, exports, the start and the name
// section. A nil function leaves its space as it is. The lists of the module (Types, Functions, ...) are the caller's
// to change, before or after.
type Remap struct {
	Type, Function, Table, Memory, Global, Tag func(uint32) uint32
}

// Remap applies r. On an error, which a body that can't be read causes, the module is in pieces.
func (m *Module) Remap(r Remap) error {
	apply := func(f func(uint32) uint32, index *uint32) {
		if f != nil {
			*index = f(*index)
		}
	}
	for i := range m.Imports {
		apply(r.Type, &m.Imports[i].Type)
	}
	for i := range m.Tags {
		apply(r.Type, &m.Tags[i])
	}
	for i := range m.Exports {
		e := &m.Exports[i]
		if int(e.Kind) < 5 {
			apply([...]func(uint32) uint32{r.Function, r.Table, r.Memory, r.Global, r.Tag}[e.Kind], &e.Index)
		}
	}
	if m.HasStart {
		apply(r.Function, &m.Start)
	}
	for i := range m.Elements {
		e := &m.Elements[i]
		apply(r.Table, &e.Table)
		e.Functions = slices.Clone(e.Functions)
		for k := range e.Functions {
			apply(r.Function, &e.Functions[k])
		}
	}
	for i := range m.Data {
		apply(r.Memory, &m.Data[i].Memory)
	}
	if err := r.expressions(m); err != nil {
		return err
	}
	r.names(m)
	return nil
}

func (r *Remap) expressions(m *Module) error {
	for i := range m.Globals {
		if err := r.expr(&m.Globals[i].Init); err != nil {
			return err
		}
	}
	for i := range m.Elements {
		if err := r.expr(&m.Elements[i].Offset); err != nil {
			return err
		}
		for k := range m.Elements[i].Exprs {
			if err := r.expr(&m.Elements[i].Exprs[k]); err != nil {
				return err
			}
		}
	}
	for i := range m.Data {
		if err := r.expr(&m.Data[i].Offset); err != nil {
			return err
		}
	}
	w := m.Rewrite()
	for i := range m.Functions {
		f := &m.Functions[i]
		if r.Type != nil {
			f.Type = r.Type(f.Type)
		}
		w.Begin(i)
		if err := r.rewrite(w); err != nil {
			return err
		}
		if w.Changed() {
			w.End()
		}
	}
	return nil
}

func (r *Remap) expr(x *Expr) error {
	w := &Rewrite{m: &Module{}, body: *x}
	if err := r.rewrite(w); err != nil || !w.Changed() {
		return err
	}
	w.Keep(len(*x))
	*x = Expr(w.Code)
	return nil
}

// rewrite writes an expression anew where an index in it changes.
func (r *Remap) rewrite(w *Rewrite) error {
	reader := NewReader(w.body)
	for reader.Next() {
		if in := &reader.Instr; r.instr(in) {
			w.Replace(in)
			w.Instr(in)
		}
	}
	return reader.Err()
}

// instr changes an instruction's indices and reports whether one became another.
func (r *Remap) instr(in *Instr) bool {
	changed := false
	apply := func(f func(uint32) uint32, index *uint32) {
		if f != nil {
			was := *index
			*index = f(was)
			changed = changed || *index != was
		}
	}
	switch operations[in.Op].imm {
	case immFunc:
		apply(r.Function, &in.Index)
	case immGlobal:
		apply(r.Global, &in.Index)
	case immTag:
		apply(r.Tag, &in.Index)
	case immTable:
		apply(r.Table, &in.Index)
	case immMemory:
		apply(r.Memory, &in.Index)
	case immMem, immMemLane:
		apply(r.Memory, &in.Memory.Memory)
	case immCallIndirect:
		apply(r.Type, &in.Index)
		apply(r.Table, &in.Index2)
	case immMemoryInit:
		apply(r.Memory, &in.Index2)
	case immMemoryCopy:
		apply(r.Memory, &in.Index)
		apply(r.Memory, &in.Index2)
	case immTableInit:
		apply(r.Table, &in.Index2)
	case immTableCopy:
		apply(r.Table, &in.Index)
		apply(r.Table, &in.Index2)
	case immBlock, immTryTable:
		if in.Block >= 0 {
			index := uint32(in.Block)
			apply(r.Type, &index)
			in.Block = BlockType(index)
		}
		if in.Op == OpTryTable {
			for i := range in.Catches {
				apply(r.Tag, &in.Catches[i].Tag)
			}
		}
	}
	return changed
}

func (r *Remap) names(m *Module) {
	if r.Function == nil && r.Global == nil && r.Tag == nil || m.Custom(nameSectionName) == nil {
		return
	}
	n := m.Names()
	n.Functions = remapKeys(n.Functions, r.Function)
	n.Locals = remapKeys(n.Locals, r.Function)
	n.Globals = remapKeys(n.Globals, r.Global)
	n.Tags = remapKeys(n.Tags, r.Tag)
	m.SetNames(n)
}

func remapKeys[V any](old map[uint32]V, f func(uint32) uint32) map[uint32]V {
	if f == nil {
		return old
	}
	moved := make(map[uint32]V, len(old))
	for index, v := range old {
		moved[f(index)] = v
	}
	return moved
}

// AddType returns the index of a type, which it adds if the module has none that is equal.
func (m *Module) AddType(t FuncType) uint32 {
	for i, have := range m.Types {
		if have.Equal(t) {
			return uint32(i)
		}
	}
	m.Types = append(m.Types, t)
	return uint32(len(m.Types) - 1)
}

// AddGlobal adds a global that begins as its type's default value and returns its index.
func (m *Module) AddGlobal(t GlobalType) uint32 {
	m.Globals = append(m.Globals, Global{GlobalType: t, Init: ConstExpr(t.Type)})
	return m.ImportedGlobals() + uint32(len(m.Globals)-1)
}

// AddFunctionImport adds an imported function behind the others and returns its index. All functions that the module
// defines move up by one.
func (m *Module) AddFunctionImport(module, name string, t FuncType) (uint32, error) {
	return m.AddFunctionImports([]Import{{Module: module, Name: name, Type: m.AddType(t)}})
}

// AddFunctionImports adds imported functions behind the others and returns the index of the first. All functions that
// the module defines move up.
func (m *Module) AddFunctionImports(imports []Import) (uint32, error) {
	first := m.ImportedFunctions()
	if err := m.Remap(Remap{Function: func(f uint32) uint32 {
		if f >= first {
			f += uint32(len(imports))
		}
		return f
	}}); err != nil {
		return 0, err
	}
	m.Imports = append(m.Imports[:len(m.Imports):len(m.Imports)], imports...)
	return first, nil
}
