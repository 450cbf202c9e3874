package object

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"
)

func testPart(n byte) Part {
	return Part{Text: [32]byte{n}, Flags: []string{"-O1"}, Compiler: [32]byte{2}, Processor: "znver5"}
}

// A part comes back as it was kept, for its own key alone, and not when a byte of its file is another one.
func TestParts(t *testing.T) {
	s, file := Open(t.TempDir()), []byte("what a compiler made")
	if _, err := s.Part(testPart(1)); !errors.Is(err, ErrNone) {
		t.Errorf("of an empty cache: %v", err)
	}
	if err := s.PutPart(testPart(1), file); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Part(testPart(1)); err != nil || !bytes.Equal(got, file) {
		t.Errorf("%q, %v", got, err)
	}
	path := s.partPath(testPart(1).sum())
	for name, change := range map[string]func(*Part){
		"text":      func(p *Part) { p.Text[0]++ },
		"flags":     func(p *Part) { p.Flags = []string{"-O2"} },
		"compiler":  func(p *Part) { p.Compiler[0]++ },
		"processor": func(p *Part) { p.Processor = "znver4" },
	} {
		p := testPart(1)
		change(&p)
		if _, err := s.Part(p); !errors.Is(err, ErrNone) {
			t.Errorf("another %s: %v", name, err)
		}
		if err := os.Link(path, s.partPath(p.sum())); err != nil { // somebody has copied it
			t.Fatal(err)
		}
		if _, err := s.Part(p); !errors.Is(err, errDamaged) {
			t.Errorf("another %s, copied: %v", name, err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Part(testPart(1)); err == nil {
			t.Errorf("byte %d is another one, and nobody sees it", i)
		}
		if err := os.WriteFile(path, whole[:i], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Part(testPart(1)); err == nil {
			t.Errorf("it ends at byte %d, and nobody sees it", i)
		}
	}
}

// Of parts that are too much together those go that were not used for the longest time.
func TestPruneParts(t *testing.T) {
	s, file := Open(t.TempDir()), make([]byte, 1000)
	for n := range byte(10) {
		if err := s.PutPart(testPart(n), file); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(n) * time.Minute).Add(-time.Hour)
		if err := os.Chtimes(s.partPath(testPart(n).sum()), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Part(testPart(0)); err != nil { // it is used now
		t.Fatal(err)
	}
	s.PruneParts(3 * int64(len(file)+trailerSize))
	for n := range byte(10) {
		_, err := s.Part(testPart(n))
		if kept := err == nil; kept != (n == 0 || n >= 8) {
			t.Errorf("part %d: %v", n, err)
		}
	}
}
