package state

import (
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/state/statepb"
)

// latest are the sections of the tests.
var latest = Versions{GroupsSection: 1, TypesSection: 1}

// encoded is an encoding of the two sections.
func encoded(versions Versions) []byte {
	w := Writer{Versions: versions}
	w.Add(GroupsSection, &statepb.Groups{Groups: []*statepb.Group{{Ranks: []uint32{1, 0}}}})
	w.Add(TypesSection, &statepb.Types{Types: []*statepb.Type{{Combiner: 102, Types: []uint32{0x209}, Committed: true}}})
	return w.Bytes()
}

// second is where the second section's header begins.
func second(b []byte) int { return strings.Index(string(b), TypesSection) - 1 }

// mend makes the checksum of a changed header right.
func mend(b []byte, header int) []byte {
	size := 1 + int(b[header]) + afterName
	binary.LittleEndian.PutUint32(b[header+size:], sum(b[header:header+size]))
	return b
}

func TestRead(t *testing.T) {
	version := func(b []byte, v uint32) []byte {
		binary.LittleEndian.PutUint32(b[second(b)+6:], v)
		return mend(b, second(b))
	}
	length := func(b []byte, n uint64) []byte {
		binary.LittleEndian.PutUint64(b[second(b)+10:], n)
		return mend(b, second(b))
	}
	for _, test := range []struct {
		name   string
		change func(b []byte) []byte
		want   error
		says   string
	}{
		{"unchanged", func(b []byte) []byte { return b }, nil, ""},
		{"another file", func([]byte) []byte { return []byte("\x00asm\x01\x00\x00\x00") }, nil, "no encoding"},
		{"nothing", func([]byte) []byte { return nil }, nil, "no encoding"},
		{"payload", func(b []byte) []byte { b[len(b)-endSize-1] ^= 1; return b }, ErrDamaged, `section "types"`},
		{"header", func(b []byte) []byte { b[second(b)+7] ^= 1; return b }, ErrDamaged, "header behind section groups"},
		{"first header", func(b []byte) []byte { b[len(magic)+1] ^= 1; return b }, ErrDamaged, "header behind the beginning"},
		{"name's length", func(b []byte) []byte { b[second(b)] = 200; return b }, ErrDamaged, "header behind section groups"},
		{"end", func(b []byte) []byte { b[len(b)-7] ^= 1; return b }, ErrDamaged, "the end"},
		{"more behind the end", func(b []byte) []byte { return append(b, 0) }, ErrDamaged, "the end"},
		{"cut in the end", func(b []byte) []byte { return b[:len(b)-1] }, ErrCut, "behind section types"},
		{"cut at the end", func(b []byte) []byte { return b[:len(b)-endSize] }, ErrCut, "behind section types"},
		{"cut in a payload", func(b []byte) []byte { return b[:len(b)-endSize-1] }, ErrCut, `section "types"`},
		{"cut in a header", func(b []byte) []byte { return b[:second(b)+9] }, ErrCut, "header behind section groups"},
		{"cut between", func(b []byte) []byte { return b[:second(b)] }, ErrCut, "behind section groups"},
		{"a section left out", func(b []byte) []byte {
			return append(b[:second(b):second(b)], b[len(b)-endSize:]...)
		}, ErrDamaged, "the end"},
		{"newer", func(b []byte) []byte { return version(b, 2) }, ErrNewer, `section "types"`},
		{"version 0", func(b []byte) []byte { return version(b, 0) }, ErrDamaged, `section "types"`},
		{"absurd length", func(b []byte) []byte { return length(b, 1<<63) }, ErrCut, `section "types"`},
		{"length past the end", func(b []byte) []byte { return length(b, 1<<10) }, ErrCut, `section "types"`},
		{"unknown", func(b []byte) []byte {
			at := second(b)
			b[at+1] = 'h'
			return mend(b, at)
		}, ErrUnknown, `section "hypes"`},
		{"twice", func(b []byte) []byte {
			at := second(b)
			return append(append(b[:at:at], b[at:len(b)-endSize]...), b[at:]...)
		}, ErrTwice, `section "types"`},
	} {
		b := test.change(encoded(latest))
		s, err := Read(b, latest)
		switch {
		case test.says == "":
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			} else if version, err := s.Get(TypesSection, new(statepb.Types)); err != nil || version != 1 {
				t.Errorf("%s: version %d, %v", test.name, version, err)
			}
		case err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says):
			t.Errorf("%s: the error is %v, want %v with %q", test.name, err, test.want, test.says)
		}
	}
}

// Every encoding that is shorter, or has one bit that is another one, is refused.
func TestEveryByteCounts(t *testing.T) {
	whole := encoded(latest)
	for n := range whole {
		if _, err := Read(whole[:n], latest); err == nil {
			t.Errorf("%d bytes of %d are an encoding", n, len(whole))
		}
		for bit := range 8 {
			b := append([]byte(nil), whole...)
			b[n] ^= 1 << bit
			if _, err := Read(b, latest); err == nil {
				t.Errorf("byte %d, bit %d may be another one", n, bit)
			}
		}
	}
}

// A section is missing, or has what its version does not have.
func TestGet(t *testing.T) {
	w := Writer{Versions: latest}
	w.Add(GroupsSection, &statepb.Types{Types: []*statepb.Type{{Ints: []int64{1}, Name: []byte("n")}}})
	s, err := Read(w.Bytes(), latest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(TypesSection, new(statepb.Types)); !errors.Is(err, ErrMissing) ||
		!strings.Contains(err.Error(), `"types"`) {
		t.Errorf("a section that is not there: %v", err)
	}
	if _, err := s.Get(GroupsSection, new(statepb.Groups)); !errors.Is(err, ErrDamaged) ||
		!strings.Contains(err.Error(), `"groups"`) {
		t.Errorf("fields that are not the section's: %v", err)
	}
}

// An older version is read by a release that knows a newer one, which says so to whoever asks.
func TestOlderVersion(t *testing.T) {
	s, err := Read(encoded(latest), Versions{GroupsSection: 1, TypesSection: 3})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := s.Get(TypesSection, new(statepb.Types)); v != 1 || err != nil {
		t.Errorf("version %d, %v", v, err)
	}
}

// FuzzRead reads any bytes: they are refused or read, and reading takes no more memory than so many bytes can ask for.
func FuzzRead(f *testing.F) {
	f.Add(encoded(latest), false)
	f.Add(sample().Bytes(), true)
	f.Fuzz(func(t *testing.T, b []byte, whole bool) {
		if !whole { // as a payload, whose checksums are right
			w := Writer{Versions: latest}
			for _, name := range []string{GroupsSection, TypesSection} {
				w.addBytes(name, b)
			}
			b = w.Bytes()
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := Read(b, latest)
		if err != nil {
			return
		}
		_, _ = ReadGroups(s, group.New(8))
		l, err := ReadTypes(s)
		runtime.ReadMemStats(&after)
		blocks := uint64(0)
		if l != nil {
			blocks = uint64(l.blocks)
		}
		if took := after.TotalAlloc - before.TotalAlloc; err == nil && took > 1<<20+1000*uint64(len(b))+400*blocks {
			t.Errorf("%d bytes and %d blocks took %d", len(b), blocks, took)
		}
	})
}
