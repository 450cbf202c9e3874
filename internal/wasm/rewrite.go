package wasm

import (
	"slices"
	"strings"
)

// Rewrite writes functions anew, one after the other, from the bodies that they have: what stays is copied in runs, and
// where it stood is noted if the module's code is mapped. The methods of Code append what is new.
type Rewrite struct {
	Code
	m      *Module
	number int  // the function's, among those that the module defines
	body   Expr // as it is read
	taken  int  // how much of it was copied or replaced
	moves  []Move
}

// Rewrite makes a rewrite of the module's functions; Begin says of which.
func (m *Module) Rewrite() *Rewrite { return &Rewrite{m: m} }

// Begin goes to the start of a function, by its number among those that the module defines.
func (w *Rewrite) Begin(number int) {
	*w = Rewrite{m: w.m, number: number, body: w.m.Functions[number].Body}
}

// Changed reports whether anything was replaced, left out or put in.
func (w *Rewrite) Changed() bool { return w.taken > 0 || len(w.Code) > 0 }

// Keep copies what was not yet taken, up to an offset in the body that is read.
func (w *Rewrite) Keep(to int) {
	if to > w.taken {
		w.note(w.taken, to-w.taken)
		w.reserve()
		w.Raw(w.body[w.taken:to])
		w.taken = to
	}
}

// reserve makes room at once for what a body mostly becomes.
func (w *Rewrite) reserve() {
	if cap(w.Code) < len(w.body) {
		w.Code = slices.Grow(w.Code, len(w.body)+len(w.body)/8+16)
	}
}

func (w *Rewrite) note(from, length int) {
	if w.m.codeMap != nil {
		w.moves = AppendMove(w.moves, Move{New: uint32(len(w.Code)), Old: uint32(from), Length: uint32(length)})
	}
}

// Replace copies what stands before an instruction. What is appended next stands in its place.
func (w *Rewrite) Replace(in *Instr) { w.ReplaceFrom(in.Start, in) }

// ReplaceFrom is as Replace, of an instruction and those before it from an offset on.
func (w *Rewrite) ReplaceFrom(start int, in *Instr) {
	w.Keep(start)
	w.note(in.Start, 1)
	w.taken = in.End
}

// Skip leaves out what was not yet taken, up to an offset.
func (w *Rewrite) Skip(to int) { w.taken = to }

// End copies the rest, and makes what was written the function's body.
func (w *Rewrite) End() {
	w.Keep(len(w.body))
	f := &w.m.Functions[w.number]
	f.Body, f.Offset = Expr(w.Code), 0
	if w.m.codeMap != nil {
		w.m.codeMap.Move(w.number, w.moves)
	}
}

// DropCodeMetadata removes the custom sections that go by where instructions stand, for a pass that has moved some.
func (m *Module) DropCodeMetadata() {
	m.Customs = slices.DeleteFunc(m.Customs, func(c Custom) bool { return strings.HasPrefix(c.Name, "metadata.code.") })
}
