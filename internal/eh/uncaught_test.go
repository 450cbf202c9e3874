package eh

import (
	"encoding/binary"
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	// An exception as libc++abi lays it out: type information at 16, its name at 32, the header at 128.
	memory := make([]byte, 256)
	name := func(s string) []byte {
		m := append([]byte(nil), memory...)
		copy(m[32:], s)
		binary.LittleEndian.PutUint32(m[16+4:], 32)
		binary.LittleEndian.PutUint32(m[128-48:], 16)
		binary.LittleEndian.PutUint64(m[128:], 0x434C4E47432B2B00)
		return m
	}
	for _, c := range []struct {
		memory  []byte
		pending uint32
		value   uint64
		want    string
	}{
		{memory, 0, 0, "no exception"},
		{name("St13runtime_error"), 1, 128, "uncaught C++ exception of type std::runtime_error"},
		{name("N4demo5inner5ErrorE"), 1, 128, "uncaught C++ exception of type demo::inner::Error"},
		{name("5Error"), 1, 128, "uncaught C++ exception of type Error"},
		{name("i"), 1, 128, "uncaught C++ exception of type int"},
		{name("4pairIiiE"), 1, 128, "uncaught C++ exception of type 4pairIiiE"},
		{name("99x"), 1, 128, "uncaught C++ exception of type 99x"},
		{name(""), 1, 128, "uncaught C++ exception"},
		{memory, 2, 64, "tag 1"},
		{memory, 1, 0xfffffffc, "tag 0"},
		{memory[:4], 1, 0, "tag 0"},
	} {
		if got := Describe(c.memory, nil, c.pending, c.value, false); !strings.HasPrefix(got, c.want) &&
			!strings.Contains(got, c.want) {
			t.Errorf("%d, %d: %q, not %q", c.pending, c.value, got, c.want)
		}
	}
	// Pointers that lead out of memory.
	m := name("i")
	binary.LittleEndian.PutUint32(m[128-48:], 0xfffffffe)
	if got := Describe(m, nil, 1, 128, false); got != "uncaught C++ exception" {
		t.Errorf("a type out of memory: %q", got)
	}
	binary.LittleEndian.PutUint32(m[128-48:], 16)
	binary.LittleEndian.PutUint32(m[16+4:], 0xfffffffe)
	if got := Describe(m, nil, 1, 128, false); got != "uncaught C++ exception" {
		t.Errorf("a name out of memory: %q", got)
	}
}

// TestDescribeWide is an exception in a program that was compiled for a memory of 64 bits.
func TestDescribeWide(t *testing.T) {
	memory := make([]byte, 256)
	copy(memory[48:], "St13runtime_error\x00")
	binary.LittleEndian.PutUint64(memory[16+8:], 48)
	binary.LittleEndian.PutUint64(memory[160-80:], 16)
	binary.LittleEndian.PutUint64(memory[160:], 0x434C4E47432B2B00)
	if got := Describe(memory, nil, 1, 160, true); got != "uncaught C++ exception of type std::runtime_error" {
		t.Errorf("%q", got)
	}
	for _, wild := range []uint64{1<<32 + 16, 1<<64 - 4, 1<<64 - 8} {
		binary.LittleEndian.PutUint64(memory[160-80:], wild)
		if got := Describe(memory, nil, 1, 160, true); got != "uncaught C++ exception" {
			t.Errorf("a type at %#x: %q", wild, got)
		}
		if got := Describe(memory, nil, 1, wild, true); !strings.Contains(got, "tag 0") {
			t.Errorf("an exception at %#x: %q", wild, got)
		}
	}
}

func FuzzDescribe(f *testing.F) {
	f.Add([]byte("St9exception"), uint32(1), uint64(0))
	f.Fuzz(func(t *testing.T, memory []byte, pending uint32, value uint64) {
		Describe(memory, nil, pending, value, false)
		Describe(memory, nil, pending, value, true)
		demangle(string(memory))
	})
}
