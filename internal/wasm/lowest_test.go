package wasm

import (
	"bytes"
	"testing"
)

// TestLowest: the word is the linker's, and holds only where the module keeps it.
func TestLowest(t *testing.T) {
	offset := func(write func(c *Code)) Expr {
		var c Code
		write(&c)
		c.Op(OpEnd)
		return Expr(c)
	}
	at := func(address int64, wide bool) Expr {
		return offset(func(c *Code) {
			if wide {
				c.I64(address)
			} else {
				c.I32(int32(address))
			}
		})
	}
	global := offset(func(c *Code) { c.Index(OpGlobalGet, 0) })
	for _, c := range []struct {
		name   string
		data   []Data
		lowest uint64
	}{
		{"no data", nil, NullPage},
		{"data behind", []Data{{Offset: at(NullPage, true), Bytes: []byte{1}}}, NullPage},
		{"data with addresses of 32 bits", []Data{{Offset: at(-8, false), Bytes: []byte{1}}}, NullPage},
		{"data below", []Data{{Offset: at(8192, true), Bytes: []byte{1}},
			{Offset: at(NullPage-1, true), Bytes: []byte{1}}}, 0},
		{"nothing below", []Data{{Offset: at(0, true)}}, NullPage},
		{"passive data", []Data{{Passive: true, Bytes: []byte{1}}}, NullPage},
		{"data somewhere", []Data{{Offset: global, Bytes: []byte{1}}}, 0},
	} {
		m := &Module{Memories: []Limits{{Min: 1, Is64: true}}, Data: c.data}
		plain := m.Encode()
		marked := MarkLowest(bytes.Clone(plain), NullPage)
		if !bytes.HasPrefix(marked, plain) {
			t.Errorf("%s: what was there has changed", c.name)
		}
		for file, want := range map[string]uint64{string(plain): 0, string(marked): c.lowest} {
			m, err := Decode([]byte(file))
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Lowest(); got != want {
				t.Errorf("%s: %d, not %d", c.name, got, want)
			}
		}
	}
	for _, section := range [][]byte{nil, {0x80}, {1, 2}, bytes.Repeat([]byte{0xff}, 20)} {
		m := &Module{Customs: []Custom{{Name: lowestSection, Data: section}}}
		if got := m.Lowest(); got != 0 {
			t.Errorf("%x: %d", section, got)
		}
	}
}
