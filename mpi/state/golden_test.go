package state

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
)

var update = flag.Bool("update", false, "write the golden files that are not there: of a section's new version")

// sample is an encoding with one of everything.
func sample() *Writer {
	w, groups, types := &Writer{Versions: latest}, NewGroupWriter(8), NewTypeWriter()
	for _, g := range []*group.Group{{Ranks: []group.WorldRank{0}}, {Ranks: []group.WorldRank{7, 0, 3}}} {
		groups.Reference(g)
	}
	for _, large := range []bool{false, true} {
		for _, t := range everyType(datatype.Constructor{Large: large}) {
			types.Reference(t)
		}
	}
	w.Add(GroupsSection, groups.Section(nil))
	m, err := types.Section(nil)
	if err != nil {
		panic(err)
	}
	w.Add(TypesSection, m)
	return w
}

// everyType is a datatype of every constructor.
func everyType(c datatype.Constructor) []*datatype.Type {
	must := func(t *datatype.Type, err error) *datatype.Type {
		if err != nil {
			panic(err)
		}
		return t
	}
	number, pair := datatype.ByHandle(0x209), datatype.ByHandle(0x229)
	vector := must(c.Vector(3, 2, 5, number))
	vector.Commit()
	vector.SetName("three \xff pairs")
	block := must(c.Struct([]int64{1, 2}, []int64{0, 16}, []*datatype.Type{pair, vector}))
	grid := datatype.Grid{Sizes: []int64{7, 6}, Kinds: []int64{datatype.DistributeCyclic, datatype.DistributeBlock},
		Arguments: []int64{2, datatype.DistributeDefault}, Processes: []int64{2, 3}}
	return []*datatype.Type{vector, block, must(c.Contiguous(4, block)), must(c.Hvector(2, 1, -64, number)),
		must(c.Indexed([]int64{1, 2}, []int64{4, 0}, vector)), must(c.Hindexed([]int64{1, 2}, []int64{-8, 80}, number)),
		must(c.IndexedBlock(2, []int64{3, 0}, number)), must(c.HindexedBlock(2, []int64{30, -4}, number)),
		must(c.Resized(pair, -4, 24)), must(c.Subarray([]int64{4, 5}, []int64{2, 2}, []int64{1, 3}, datatype.OrderC, number)),
		must(c.Darray(6, 4, grid, datatype.OrderFortran, number)), must(datatype.Constructor{}.Dup(vector)),
		must(datatype.F90(datatype.CombinerF90Real, 15, 300, []int64{15, 300})),
		must(datatype.F90(datatype.CombinerF90Complex, 6, -32766, []int64{6, -32766})),
		must(datatype.F90(datatype.CombinerF90Integer, 9, -32766, []int64{9}))}
}

// The payload of each section is, byte for byte, the golden file of its version, and those of earlier versions can be
// read for ever. Who changes a payload raises the section's version, and writes the new file by
//
//	go test ./mpi/state -run TestGolden -update
//
// which leaves alone the files that are there. A file of a version that no release had may be deleted first.
func TestGolden(t *testing.T) {
	s, err := Read(sample().Bytes(), latest)
	if err != nil {
		t.Fatal(err)
	}
	for name, version := range latest {
		path := filepath.Join("testdata", fmt.Sprintf("%s.%d", name, version))
		want, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) && *update {
			want = s.byName[name].payload
			err = os.WriteFile(path, want, 0o644)
		}
		if err != nil {
			t.Errorf("section %s, version %d: %v; the test says how to write it", name, version, err)
		} else if !bytes.Equal(s.byName[name].payload, want) {
			t.Errorf("section %s is encoded otherwise than %s: raise its version", name, path)
		}
	}
	files, err := filepath.Glob("testdata/*.*")
	if err != nil || len(files) < len(latest) {
		t.Fatalf("golden files %v, %v", files, err)
	}
	for _, path := range files {
		readGolden(t, path)
	}
}

// readGolden reads a golden file of any version.
func readGolden(t *testing.T, path string) {
	payload, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name, number, _ := strings.Cut(filepath.Base(path), ".")
	var version Version
	if _, err := fmt.Sscan(number, &version); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	w := Writer{Versions: Versions{name: version}}
	w.addBytes(name, payload)
	s, err := Read(w.Bytes(), latest)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	switch name {
	case GroupsSection:
		_, err = ReadGroups(s, group.New(8))
	case TypesSection:
		_, err = ReadTypes(s)
	default:
		t.Errorf("%s is the file of no section", path)
	}
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
}
