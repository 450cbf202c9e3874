package wasm

import (
	"math"
	"sort"
)

// CodeMap says where code that passes have moved stood in the module that the linker wrote, which is what that module's
// debug information describes. Each pass adds its own moves to those of the passes before it. It goes by the order of
// the functions that the module defines: passes may add to their end, and otherwise leave it.
type CodeMap struct{ functions []bodyMap }

// bodyMap is one function's.
type bodyMap struct {
	start uint32 // where its body began, counted from the begin of the code section's contents
	moves []Move // nil: the body is as it was
}

// Move is code that a pass has kept: Length bytes at New in the new body stood at Old in the body that the pass read.
// Moves are in the order of New and don't overlap there. What stands behind a move and is no move, a pass has put
// there; it belongs to the move's end.
type Move struct{ New, Old, Length uint32 }

// AppendMove adds a move to a list, joining it to the last if both went together. A move of one byte stands for
// whatever is written in place of an instruction and is not joined, as that may be nothing: then the next move begins
// at the same offset and replaces it.
func AppendMove(moves []Move, m Move) []Move {
	if n := len(moves); n > 0 {
		last := &moves[n-1]
		if last.New == m.New {
			*last = m
			return moves
		}
		if m.Length > 1 && last.New+last.Length == m.New && last.Old+last.Length == m.Old {
			last.Length += m.Length
			return moves
		}
	}
	return append(moves, m)
}

// Bodies are the offsets of the function bodies of a module as it was decoded, counted from the begin of the code
// section's contents, as debug information counts.
func (m *Module) Bodies() []uint32 {
	bodies := make([]uint32, len(m.Functions))
	for i := range m.Functions {
		bodies[i] = uint32(m.Functions[i].Offset - m.codeOffset)
	}
	return bodies
}

// MapCode begins to note where code goes: so far every body is where it was decoded.
func (m *Module) MapCode() {
	m.codeMap = &CodeMap{functions: make([]bodyMap, len(m.Functions))}
	for i, start := range m.Bodies() {
		m.codeMap.functions[i].start = start
	}
}

// CodeMap is the module's, to which whoever moves code adds; nil where nobody asked for one by MapCode.
func (m *Module) CodeMap() *CodeMap { return m.codeMap }

// Move adds a pass's moves of one function's code, by the function's number among those that the module defines.
func (c *CodeMap) Move(function int, moves []Move) {
	if function >= len(c.functions) {
		return
	}
	f := &c.functions[function]
	if f.moves == nil {
		f.moves = moves
		return
	}
	var all []Move
	for _, m := range moves {
		all = f.through(all, m)
	}
	f.moves = all
}

// through appends what becomes of a move whose Old is in f's new body.
func (f *bodyMap) through(all []Move, m Move) []Move {
	for end := m.Old + m.Length; m.Old < end; {
		next, kept := end, false
		if i := f.find(m.Old); len(f.moves) > 0 {
			before := f.moves[i]
			switch {
			case m.Old < before.New:
				next = min(end, before.New)
			case m.Old < before.New+before.Length:
				next, kept = min(end, before.New+before.Length), true
			case i+1 < len(f.moves):
				next = min(end, f.moves[i+1].New)
			}
		}
		length := next - m.Old
		if kept {
			all = AppendMove(all, Move{m.New, f.original(m.Old), length})
		} else {
			all = AppendMove(all, Move{m.New, f.original(m.Old), 1})
		}
		m.New, m.Old = m.New+length, next
	}
	return all
}

// find is the number of the last move that begins at or before an offset; 0 before all.
func (f *bodyMap) find(offset uint32) int {
	return max(0, sort.Search(len(f.moves), func(i int) bool { return f.moves[i].New > offset })-1)
}

// original is the offset in the old body.
func (f *bodyMap) original(offset uint32) uint32 {
	if f.moves == nil {
		return offset
	}
	if len(f.moves) == 0 { // all of it is new
		return 0
	}
	m := f.moves[f.find(offset)]
	if offset <= m.New {
		return m.Old
	}
	return m.Old + min(offset-m.New, m.Length-1)
}

// Original says where an instruction stood, in the code section of the module that the linker wrote; false for a
// function that a pass has added.
func (c *CodeMap) Original(function int, offset uint32) (uint64, bool) {
	if function < 0 || function >= len(c.functions) {
		return 0, false
	}
	f := &c.functions[function]
	return uint64(f.start) + uint64(f.original(offset)), true
}

// Append writes the map down: for each function its start and its moves, each number as its difference from what it
// would be if nothing had changed.
func (c *CodeMap) Append(out []byte) []byte {
	out = AppendU32(out, uint32(len(c.functions)))
	start := uint32(0)
	for i := range c.functions {
		f := &c.functions[i]
		out = AppendU32(out, f.start-start)
		start = f.start
		if f.moves == nil {
			out = AppendU32(out, 0)
			continue
		}
		out = AppendU32(out, uint32(len(f.moves))+1)
		var last Move
		for _, m := range f.moves {
			out = AppendU32(out, m.New-(last.New+last.Length))
			out = AppendU32(out, zigzag(m.Old-(last.Old+last.Length)))
			out = AppendU32(out, m.Length)
			last = m
		}
	}
	return out
}

// zigzag makes small numbers of small differences, whichever way they go.
func zigzag(difference uint32) uint32 { return difference<<1 ^ uint32(int32(difference)>>31) }

func unzigzag(v uint32) uint32 { return v>>1 ^ -(v & 1) }

// DecodeCodeMap reads what Append wrote.
func DecodeCodeMap(data []byte) (*CodeMap, error) {
	p := parser{data: data}
	c := &CodeMap{functions: make([]bodyMap, p.count(2, "functions"))}
	start := uint32(0)
	for i := 0; i < len(c.functions) && p.err == nil; i++ {
		f := &c.functions[i]
		start += p.u32()
		f.start = start
		f.moves = decodeMoves(&p)
	}
	if p.err != nil {
		return nil, p.err
	}
	return c, nil
}

func decodeMoves(p *parser) []Move {
	n := p.u32()
	if p.err != nil || n == 0 {
		return nil
	}
	if int(n)-1 > len(p.data)-p.at {
		p.fail("%d moves are announced in %d bytes", n-1, len(p.data)-p.at)
		return nil
	}
	moves := make([]Move, 0, n-1)
	var last Move
	for ; n > 1 && p.err == nil; n-- {
		next := uint64(last.New) + uint64(last.Length) + uint64(p.u32())
		old := last.Old + last.Length + unzigzag(p.u32())
		last = Move{uint32(next), old, p.u32()}
		if p.err == nil && (last.Length == 0 || next+uint64(last.Length) > math.MaxUint32 ||
			uint64(old)+uint64(last.Length) > math.MaxUint32) {
			p.fail("a move is empty or beyond the code")
		}
		moves = append(moves, last)
	}
	return moves
}
