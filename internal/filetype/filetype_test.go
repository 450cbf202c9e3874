package filetype

import (
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	for head, want := range map[string]Type{
		"":                                    Empty,
		"\x00as":                              ShortModule,
		"\x00asm\x01\x00\x00":                 ShortModule,
		"\x00asm\x01\x00\x00\x00":             Module,
		"\x00asm\x02\x00\x00\x00":             OtherVersion,
		"\x00asm\x01\x00\x02\x00":             OtherVersion,
		"\x00asm\x0d\x00\x01\x00":             Component,
		"\x7fELF\x02\x01":                     ELF,
		"\xcf\xfa\xed\xfe":                    MachO,
		"\xca\xfe\xba\xbe\x00\x00\x00\x02":    MachO,
		"\xca\xfe\xba\xbe\x00\x00\x00\x41":    Unknown, // a class of Java
		"MZ\x90":                              PE,
		"!<arch>\nfoo":                        Archive,
		"BC\xc0\xde":                          Bitcode,
		"#!/bin/sh\n":                         Script,
		"\x1f\x8b\x08":                        Compressed,
		"int main(void) {}\n":                 Text,
		"é":                                   Text,
		"\xe9":                                Unknown,
		strings.Repeat("a", textSize-1) + "é": Text, // cut in the middle of a character
		"\x01\x02\x03":                        Unknown,
	} {
		if got := Of([]byte(head)); got != want {
			t.Errorf("%.20q is %d, want %d", head, got, want)
		}
	}
}

func FuzzOf(f *testing.F) {
	f.Add([]byte("\x00asm\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, head []byte) {
		whole := Of(head)
		if len(head) > HeadSize+1 && Of(head[:HeadSize+1]) != whole {
			t.Error("more than the head was looked at")
		}
	})
}
