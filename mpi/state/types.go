package state

import (
	"errors"

	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/state/statepb"
)

// maxBlocks bounds how many more blocks all datatypes of a state have than numbers that they were made with: few
// numbers can make a datatype of many blocks, and nobody shall have a decoder take more memory than that, 128 MiB.
const maxBlocks = 1 << 22

var errBlocks = errors.New("the datatypes have too many blocks in all")

// TypeWriter gathers the datatypes that a state refers to.
type TypeWriter struct {
	refs   map[*datatype.Type]uint32
	list   []*statepb.Type
	blocks int
}

// NewTypeWriter has no datatypes.
func NewTypeWriter() *TypeWriter { return &TypeWriter{refs: map[*datatype.Type]uint32{nil: 0}} }

// Reference is what stands for a datatype, or for nil. What it is made of comes before it.
func (w *TypeWriter) Reference(t *datatype.Type) uint32 {
	ref, known := w.refs[t]
	if known {
		return ref
	}
	if t.Named() {
		return t.Handle()
	}
	made := t.Made()
	m := &statepb.Type{Combiner: uint32(made.Combiner), Large: made.Contents.Large, Ints: made.Contents.Ints,
		Aints: made.Contents.Aints, Counts: made.Contents.Counts, Name: []byte(made.Name), Committed: made.Committed}
	for _, old := range made.Contents.Types {
		m.Types = append(m.Types, w.Reference(old))
	}
	w.blocks += blocksOf(t)
	ref = FirstReference + uint32(len(w.list))
	w.list = append(w.list, m)
	w.refs[t] = ref
	return ref
}

// blocksOf is what a datatype counts for in maxBlocks. Duplicates and the like share the blocks of another.
func blocksOf(t *datatype.Type) int {
	switch c := t.Combiner(); {
	case c == datatype.CombinerDup, c == datatype.CombinerResized, t.Predefined():
		return 0
	}
	c := t.Contents()
	return max(0, t.Blocks()-len(c.Ints)-len(c.Aints)-len(c.Counts))
}

// Section is the payload of all datatypes so far, and their handles.
func (w *TypeWriter) Section(handles *statepb.Table) (*statepb.Types, error) {
	if w.blocks > maxBlocks {
		return nil, failed(TypesSection, errBlocks)
	}
	return &statepb.Types{Types: w.list, Handles: handles}, nil
}

// Types are the datatypes of a section.
type Types struct {
	Handles *statepb.Table
	list    []*datatype.Type
	blocks  int
}

// ReadTypes decodes the section "types": every constructor is called again, and refuses what it would refuse a program.
func ReadTypes(s *Sections) (*Types, error) {
	var m statepb.Types
	if _, err := s.Get(TypesSection, &m); err != nil {
		return nil, err
	}
	out := &Types{Handles: m.Handles}
	for i, in := range m.Types {
		t, err := out.make(in)
		if err != nil {
			return nil, Invalid(TypesSection, "datatype %d: %w", i, err)
		}
		out.list = append(out.list, t)
	}
	return out, nil
}

func (l *Types) make(in *statepb.Type) (*datatype.Type, error) {
	made := datatype.Made{Combiner: datatype.Combiner(in.Combiner), Name: string(in.Name), Committed: in.Committed}
	made.Contents = datatype.Contents{Ints: in.Ints, Aints: in.Aints, Counts: in.Counts, Large: in.Large}
	for _, ref := range in.Types {
		old, ok := l.Find(ref)
		if !ok || old == nil {
			return nil, errors.New("it is made of one that does not come before it")
		}
		made.Contents.Types = append(made.Contents.Types, old)
	}
	t, err := made.Type()
	if err != nil {
		return nil, err
	}
	if l.blocks += blocksOf(t); l.blocks > maxBlocks {
		return nil, errBlocks
	}
	return t, nil
}

// Find gives the datatype, or nil, that a reference stands for; ok is false if it stands for nothing.
func (l *Types) Find(ref uint32) (t *datatype.Type, ok bool) {
	if ref == 0 {
		return nil, true
	}
	if ref < FirstReference {
		t = datatype.ByHandle(ref)
		return t, t != nil
	}
	if i := int64(ref) - FirstReference; i < int64(len(l.list)) {
		return l.list[i], true
	}
	return nil, false
}
