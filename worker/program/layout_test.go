package program

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// whole is a program with something of everything that a layout tells.
func whole(t testing.TB) []byte {
	t.Helper()
	m, err := wasm.Decode(inlining(t))
	if err != nil {
		t.Fatal(err)
	}
	m.Tables = []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 1}}}
	return m.Encode()
}

func origin(file []byte) Origin { return Origin{hashOf(file), bytes.NewReader(file)} }

// What is damaged, cut short, another module's, another target's or another release's is not believed.
func TestUnusable(t *testing.T) {
	file, target := whole(t), Target{Engine: "test 1"}
	good := prepare(t, file, target)
	if _, err := Open(good, origin(file), target); err != nil {
		t.Fatal(err)
	}
	other := prepare(t, module().Encode(), target)
	newer := bytes.Clone(good.Layout)
	newer[len(layoutMagic)]++
	checked := target
	checked.CheckAddresses = true
	flipped := bytes.Clone(good.Module)
	flipped[len(flipped)/2] ^= 1
	for what, c := range map[string]struct {
		p      Prepared
		origin Origin
		target Target
		says   string
	}{
		"no layout":           {Prepared{good.Module, nil}, origin(file), target, "cut short"},
		"another file":        {Prepared{good.Module, file}, origin(file), target, "something else"},
		"newer":               {Prepared{good.Module, newer}, origin(file), target, "of version 4, not 3"},
		"another engine":      {good, origin(file), Target{Engine: "test 2"}, `made for "passes`},
		"not checked":         {good, origin(file), checked, "addresses checked: true"},
		"another module's":    {good, origin(module().Encode()), target, "of another module"},
		"the layout of other": {Prepared{good.Module, other.Layout}, origin(file), target, "of another module"},
		"the module of other": {Prepared{other.Module, good.Layout}, origin(file), target, "bytes, not"},
		"a bit of the module": {Prepared{flipped, good.Layout}, origin(file), target, "the module is damaged"},
		"module cut short":    {Prepared{good.Module[:9], good.Layout}, origin(file), target, "has 9 bytes"},
	} {
		if _, err := Open(c.p, c.origin, c.target); !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := range good.Layout {
		if _, err := Open(Prepared{good.Module, good.Layout[:n]}, origin(file), target); !errors.Is(err, ErrUnusable) {
			t.Fatalf("cut at %d: %v", n, err)
		}
		bad := bytes.Clone(good.Layout)
		bad[n] ^= 0x10
		if _, err := Open(Prepared{good.Module, bad}, origin(file), target); !errors.Is(err, ErrUnusable) {
			t.Fatalf("damaged at %d: %v", n, err)
		}
	}
}

// A layout says the same of a program however often it is made and read.
func TestLayoutIsDeterministic(t *testing.T) {
	file := whole(t)
	first := prepare(t, file, Target{})
	for range 5 {
		if again := prepare(t, file, Target{}); !bytes.Equal(again.Layout, first.Layout) ||
			!bytes.Equal(again.Module, first.Module) {
			t.Fatal("another layout or module of the same file")
		}
	}
	l, err := checkedLayout(first.Layout)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(l.encode(), first.Layout) {
		t.Error("what was read is written otherwise")
	}
}

// Files that were saved are loaded; those that are not there, or are others', are not.
func TestLoad(t *testing.T) {
	dir, file, target := t.TempDir(), whole(t), Target{Engine: "test"}
	hash := hashOf(file)
	if err := os.WriteFile(filepath.Join(dir, hash.String()+".wasm"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	made := prepare(t, file, target)
	name, err := made.Save(dir, hash)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	p, err := Load(path, target)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(p.Code(), made.Module) || !p.HoldsFile() || !strings.HasPrefix(name, hash.String()+"."+
		p.Hash().String()[:HashDigits]) {
		t.Errorf("%s, %v", name, p.Hash())
	}
	if k := p.source.kept(); k == nil || len(k.sections["debug_line"]) == 0 {
		t.Error("no lines")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	closed, err := Load(path, target)
	if err != nil {
		t.Fatal(err)
	}
	if closed.Close(); closed.source.kept() != nil {
		t.Error("lines of a file that is closed")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("%v, %v", entries, err)
	}
	for _, gone := range []string{strings.TrimSuffix(path, ModuleSuffix) + layoutSuffix, path} {
		if err := os.Remove(gone); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, target); !errors.Is(err, ErrUnusable) {
			t.Errorf("%v", err)
		}
		if _, err := made.Save(dir, hash); err != nil {
			t.Fatal(err)
		}
	}
	other := hashOf([]byte("other"))
	renamed := filepath.Join(dir, strings.Replace(name, hash.String(), other.String(), 1))
	for _, suffix := range []string{ModuleSuffix, layoutSuffix} {
		err := os.Rename(strings.TrimSuffix(path, ModuleSuffix)+suffix, strings.TrimSuffix(renamed, ModuleSuffix)+suffix)
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(renamed, target); !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), "another module") {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"a.wasm", "a.b.run.wasm", hash.String() + ModuleSuffix} {
		if _, err := Load(filepath.Join(dir, name), target); err == nil || errors.Is(err, ErrUnusable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Debug information that is not what it was costs lines, and nothing else.
func TestLinesOfAnotherFile(t *testing.T) {
	file := whole(t)
	made := prepare(t, file, Target{})
	damaged := bytes.Clone(file)
	l, err := checkedLayout(made.Layout)
	if err != nil {
		t.Fatal(err)
	}
	damaged[l.debug[0].offset] ^= 1
	for what, f := range map[string][]byte{"damaged": damaged, "cut short": file[:len(file)/2], "empty": nil} {
		p, err := Open(made, Origin{hashOf(file), bytes.NewReader(f)}, Target{})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Describe([]Frame{{Function: 0, Offset: 5}}); !slices.Equal(got, []string{"_start"}) {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// FuzzLayout: whatever stands behind the checksum, reading it is an error or a program that can be asked everything.
func FuzzLayout(f *testing.F) {
	const head = len(layoutMagic) + 1 + 4
	file := whole(f)
	good := prepare(f, file, Target{})
	f.Add(good.Layout[head:])
	f.Add(prepare(f, module().Encode(), Target{}).Layout[head:])
	f.Fuzz(func(t *testing.T, body []byte) {
		layout := append([]byte(layoutMagic), layoutVersion)
		layout = append(binary.LittleEndian.AppendUint32(layout, crc32.Checksum(body, castagnoli)), body...)
		l, err := checkedLayout(layout)
		if err != nil {
			if !errors.Is(err, ErrUnusable) {
				t.Errorf("%v", err)
			}
			return
		}
		if again, err := checkedLayout(l.encode()); err != nil || !bytes.Equal(again.encode(), l.encode()) {
			t.Errorf("what was read can't be written: %v", err)
		}
		p := l.open(layout, bytes.NewReader(file))
		frames := []Frame{{Function: 0, Offset: 5}, {Function: 1 << 31, Offset: 1 << 40}, {Function: -1}}
		p.Trap(OutOfBounds, frames, func(int) (uint64, bool, bool) { return 0, false, false }, nil)
		p.Callers(frames)
		p.Callback(Signature{"i", ""})
		p.Memory(1 << 16)
		for _, im := range p.Imports {
			_ = im.String() + im.KindName()
		}
	})
}
