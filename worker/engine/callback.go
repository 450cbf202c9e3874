package engine

import "encoding/binary"

// addCallbacks returns the module with one more function for each function type that returns nothing: (index, arguments…),
// which calls the entry of table 0 by call_indirect. A host function can then call the program's function pointers exactly
// as the program would, checks included. wazero's own way, table.LookupFunction, allocates a stack for each pointer, misses
// later changes of the table, and takes the address of a host function for a function of the guest, which is unsafe.
//
// Everything is added behind what is there, so no index changes, neither in code nor in names. names gives the export that
// was added for some parameters; functions of a type that is missing there do not exist.
func (m *layout) addCallbacks(wasm []byte) (changed []byte, names map[string]string) {
	names = map[string]string{}
	if !m.pointers {
		return wasm, names
	}
	var types, funcs, exports, codes entries
	for t, sig := range m.types {
		if _, done := names[sig.params]; done || sig.results != "" || !callable(sig.params) {
			continue
		}
		name := "faasmrun.call_indirect(" + sig.params + ")"
		for m.exported(name) {
			name += "'"
		}
		names[sig.params] = name
		types.add([]byte{0x60}, leb(len(sig.params)+1), encode("i"+sig.params), leb(0))
		funcs.add(leb(len(m.types) + types.n - 1))
		exports.add(leb(len(name)), []byte(name), []byte{kindFunc}, leb(len(m.funcs)+funcs.n-1))
		body := []byte{0} // no locals
		for i := range sig.params {
			body = append(append(body, 0x20), leb(i+1)...)
		}
		body = append(append(body, 0x20, 0, 0x11), leb(t)...)
		body = append(body, 0, 0x0b)
		codes.add(leb(len(body)), body)
	}
	if len(names) == 0 {
		return wasm, names
	}
	changed = append(make([]byte, 0, len(wasm)+len(types.b)+len(funcs.b)+len(exports.b)+len(codes.b)+64), wasm[:8]...)
	found := 0
	for _, s := range m.sections {
		more := map[byte]*entries{1: &types, 3: &funcs, 7: &exports, 10: &codes}[s.id]
		if more == nil {
			changed = append(changed, wasm[s.start:s.end]...)
			continue
		}
		found++
		r := &reader{b: wasm[s.body:s.end]}
		count := leb(int(r.u32()) + more.n)
		changed = append(append(changed, s.id), leb(len(count)+r.left()+len(more.b))...)
		changed = append(append(append(changed, count...), r.b[r.pos:]...), more.b...)
	}
	if found != 4 { // no code of its own, or sections twice: wazero will say so
		return wasm, map[string]string{}
	}
	return changed, names
}

// entries are what is added to a section.
type entries struct {
	b []byte
	n int
}

func (e *entries) add(parts ...[]byte) {
	for _, p := range parts {
		e.b = append(e.b, p...)
	}
	e.n++
}

func (m *layout) exported(name string) bool {
	_, ok := m.exports[name]
	return ok
}

// callable says whether a host function can pass such arguments.
func callable(params string) bool {
	for _, letter := range params {
		if _, ok := valueTypes[letter]; !ok {
			return false
		}
	}
	return len(params) <= 16
}

// leb encodes an unsigned number.
func leb(v int) []byte { return binary.AppendUvarint(nil, uint64(v)) }

// encode turns letters into value types.
func encode(letters string) []byte {
	out := make([]byte, 0, len(letters))
	for _, letter := range letters {
		out = append(out, valueTypes[letter])
	}
	return out
}
