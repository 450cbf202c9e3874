package translate

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// group is the functions that come into one file. Where a group ends is decided by what is in it: it has some size, and
// the hash of its last function says so. So a function that changes, or grows, changes its own file and no other,
// unless it was the last of a group, and then the next one's too. Groups of equal numbers of functions would be of
// unequal size instead, and of equal sizes would all move. The C of a function names others by index and lines by their
// offset in the body, so that it does not change with the size of those before it.
type group struct {
	text    []byte
	size    int
	callees map[uint32]bool
	seconds map[uint32]bool
	structs map[uint32]bool
	vectors bool
	twice   bool // it has a loop that is written twice
}

// Bounds of the code of a group, in bytes of the module, of which a function counts as some beyond its body; every
// cutEvery-th function, by its hash, may end a group. Clang takes about a second for 64 KiB.
const (
	eachFunction = 64

	minGroup = 16 << 10
	maxGroup = 64 << 10
	cutEvery = 4
)

// add takes a translated function.
func (g *group) add(f *function) {
	g.text = f.appendTo(g.text)
	if g.callees == nil {
		g.callees, g.seconds, g.structs = map[uint32]bool{}, map[uint32]bool{}, map[uint32]bool{}
	}
	maps.Copy(g.callees, f.callees)
	maps.Copy(g.seconds, f.seconds)
	maps.Copy(g.structs, f.structs)
	g.vectors = g.vectors || f.vectors
	g.twice = g.twice || f.twice
}

// ends reports whether the group ends with the last function, which has this body.
func (g *group) ends(body wasm.Expr) bool {
	g.size += len(body) + eachFunction
	if g.size < minGroup {
		return false
	}
	h := fnv.New32a()
	h.Write(body)
	return g.size >= maxGroup || h.Sum32()%cutEvery == 0
}

// finish makes a file of the group. It declares no more than its functions use.
func (t *translator) finish() {
	g := &t.group
	text := t.head(g.vectors)
	for _, index := range slices.Sorted(maps.Keys(g.structs)) {
		text = t.appendStruct(text, index)
	}
	for _, index := range slices.Sorted(maps.Keys(g.callees)) {
		text = t.appendDeclaration(text, index)
	}
	for _, index := range slices.Sorted(maps.Keys(g.seconds)) {
		text = append(append(append(text, "HIDDEN "...), secondForm(index)...), ";\n"...)
	}
	text = append(text, g.text...)
	name := "code"
	if g.twice {
		name = loopsPrefix
	}
	t.files = append(t.files, File{Name: fmt.Sprintf("%s%d.c", name, len(t.files)), Text: text})
	t.group = group{text: g.text[:0]}
}
