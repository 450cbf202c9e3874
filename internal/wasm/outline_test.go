package wasm

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// counting counts what is read of a file.
type counting struct {
	io.ReaderAt
	read int
}

func (c *counting) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(b, at)
	c.read += n
	return n, err
}

func outlineOf(module []byte) (*Module, error) {
	return ReadOutline(bytes.NewReader(module), int64(len(module)))
}

func TestOutline(t *testing.T) {
	m := &Module{Types: []FuncType{{Params: []ValueType{I64}}},
		Imports:   []Import{{Module: "env", Name: "f", Kind: KindFunction}},
		Functions: []Function{{Body: append(bytes.Repeat([]byte{byte(OpNop)}, 1<<20), byte(OpEnd))}},
		Tables:    []Table{{Type: FuncRef, Limits: Limits{Min: 4, Is64: true}}},
		Memories:  []Limits{{Min: 1 << 20, Is64: true}}, Data: []Data{{Bytes: make([]byte, 1<<20), Passive: true}},
		Customs: []Custom{{Name: "last", Data: make([]byte, 1<<20), After: sectionData}}}
	module := m.Encode()
	file := &counting{ReaderAt: bytes.NewReader(module)}
	got, err := ReadOutline(file, int64(len(module)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Types, m.Types) || !reflect.DeepEqual(got.Imports, m.Imports) ||
		!reflect.DeepEqual(got.Tables, m.Tables) || !reflect.DeepEqual(got.Memories, m.Memories) ||
		len(got.Customs) != 1 || got.Customs[0].Name != "last" {
		t.Errorf("%+v", got)
	}
	if file.read > 4096 {
		t.Errorf("%d bytes were read of %d", file.read, len(module))
	}
}

// What strangers send costs no more than its bounds.
func TestOutlineIsBounded(t *testing.T) {
	section := func(id byte, size int) []byte {
		return append(AppendU32([]byte{id}, uint32(size)), make([]byte, size)...)
	}
	for words, module := range map[string][]byte{
		"more than 1000 sections":      append([]byte(header), bytes.Repeat([]byte{sectionCustom, 1, 0}, 1001)...),
		"bytes of types":               append([]byte(header), section(sectionType, maxOutline+1)...),
		"ends behind the file":         append([]byte(header), sectionCode, 0xff, 0xff, 0xff, 0xff, 0x0f),
		"comes twice":                  slices.Concat([]byte(header), section(sectionCode, 1), section(sectionMemory, 1)),
		"is not known":                 append([]byte(header), section(77, 1)...),
		"not version 1":                []byte(header)[:7],
		"is longer than what it holds": append([]byte(header), section(sectionMemory, 3)...),
	} {
		if _, err := outlineOf(module); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
	broken := errors.New("the disk is broken")
	if _, err := ReadOutline(failing{broken}, 100); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

type failing struct{ error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.error }

// FuzzOutline: an outline of whatever decodes says the same.
func FuzzOutline(f *testing.F) {
	f.Add((&Module{Memories: []Limits{{Min: 1, Is64: true}}, Customs: []Custom{{Name: "x"}}}).Encode())
	f.Fuzz(func(t *testing.T, module []byte) {
		got, err := outlineOf(module)
		m, wrong := Decode(module)
		if err != nil || wrong != nil {
			return // the outline doesn't look at all of it, and has bounds of its own
		}
		if !reflect.DeepEqual(got.Memories, m.Memories) || !reflect.DeepEqual(got.Imports, m.Imports) ||
			!reflect.DeepEqual(got.Tables, m.Tables) || len(got.Customs) != len(m.Customs) {
			t.Errorf("%+v became %+v", m, got)
		}
	})
}
