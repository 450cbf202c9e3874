package waits

import "github.com/faasmrun/faasmrun/internal/wasm"

// Module is where the functions are imported from that take the instructions' places, and Memory where a shared memory
// is: wasm-ld has it in env with all that a host serves, and an engine may want to know by the module's name what is a
// memory.
const (
	Module = "faasmrun"
	Memory = "faasmrun.memory"
)

// replacements are the instructions, the names of the functions that take their places, and what stands between the
// address and the offset of what these take.
var replacements = [...]struct {
	op    wasm.Opcode
	name  string
	takes []wasm.ValueType
}{
	{wasm.OpAtomicWait32, "memory_wait32", []wasm.ValueType{wasm.I32, wasm.I64}},
	{wasm.OpAtomicWait64, "memory_wait64", []wasm.ValueType{wasm.I64, wasm.I64}},
	{wasm.OpAtomicNotify, "memory_notify", []wasm.ValueType{wasm.I32}},
}

// Lower rewrites a module. changed is false where there is nothing to do. Errors are of modules that can't be read.
func Lower(m *wasm.Module) (changed bool, err error) {
	memories := m.Spaces().Memories
	if len(memories) == 0 || !memories[0].Shared {
		return false, nil
	}
	l := &lowering{m: m, reader: wasm.NewReader(nil), written: m.Rewrite()}
	renamed := l.renameMemory()
	if err := l.find(); err != nil || !l.any {
		return renamed, err
	}
	if err := l.addImports(memories[0].Address()); err != nil {
		return false, err
	}
	for i := range m.Functions {
		if err := l.rewrite(i); err != nil {
			return false, err
		}
	}
	m.DropCodeMetadata()
	return true, nil
}

// lowering is a module at work.
type lowering struct {
	m         *wasm.Module
	reader    *wasm.Reader
	written   *wasm.Rewrite
	any       bool
	found     [len(replacements)]bool
	functions [len(replacements)]uint32 // of those that were found
}

// which is the replacement of an instruction on memory 0; -1 for none. An engine refuses further memories by name.
func which(in *wasm.Instr) int {
	for i := range replacements {
		if in.Op == replacements[i].op && in.Memory.Memory == 0 {
			return i
		}
	}
	return -1
}

// renameMemory has a shared memory imported from a module of its own, and reports whether it was not.
func (l *lowering) renameMemory() (changed bool) {
	for i := range l.m.Imports {
		if im := &l.m.Imports[i]; im.Kind == wasm.KindMemory && im.Memory.Shared && im.Module != Memory {
			im.Module, changed = Memory, true
		}
	}
	return changed
}

// find looks for what is to be replaced.
func (l *lowering) find() error {
	for i := range l.m.Functions {
		l.reader.Reset(l.m.Functions[i].Body)
		for l.reader.Next() {
			if r := which(&l.reader.Instr); r >= 0 {
				l.any, l.found[r] = true, true
			}
		}
		if err := l.reader.Err(); err != nil {
			return err
		}
	}
	return nil
}

// addImports adds the functions that are needed, with addresses of a type.
func (l *lowering) addImports(address wasm.ValueType) error {
	var imports []wasm.Import
	first := l.m.ImportedFunctions()
	for i, r := range replacements {
		if !l.found[i] {
			continue
		}
		l.functions[i] = first + uint32(len(imports))
		params := append([]wasm.ValueType{address}, r.takes...)
		t := l.m.AddType(wasm.FuncType{Params: append(params, wasm.I64), Results: []wasm.ValueType{wasm.I32}})
		imports = append(imports, wasm.Import{Module: Module, Name: r.name, Type: t})
	}
	if _, err := l.m.AddFunctionImports(imports); err != nil {
		return err
	}
	if l.m.Custom("name") != nil {
		n := l.m.Names()
		for i, r := range replacements {
			if l.found[i] {
				n.Functions[l.functions[i]] = r.op.String()
			}
		}
		l.m.SetNames(n)
	}
	return nil
}

// rewrite rewrites a function in place, if it has anything to rewrite.
func (l *lowering) rewrite(number int) error {
	l.written.Begin(number)
	l.reader.Reset(l.m.Functions[number].Body)
	for l.reader.Next() {
		in := &l.reader.Instr
		r := which(in)
		if r < 0 {
			continue
		}
		l.written.Replace(in)
		l.written.I64(int64(in.Memory.Offset))
		l.written.Index(wasm.OpCall, l.functions[r])
	}
	if err := l.reader.Err(); err != nil || !l.written.Changed() {
		return err
	}
	l.written.End()
	return nil
}
