package datatype

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// stream copies past the caches; both have the same length, CopyStep at least. Go's copy does so by itself, but only
// from 256 KiB on.
func stream(to, from []byte) {
	if !cpu.X86.HasAVX {
		copy(to, from)
		return
	}
	head := int(-uintptr(unsafe.Pointer(unsafe.SliceData(to))) & (vectorWidth - 1))
	copy(to[:head], from[:head])
	to, from = to[head:], from[head:]
	for len(from) >= lines {
		n := min(len(from), vectorStep) &^ (lines - 1)
		streamLines(to[:n], from[:n])
		to, from = to[n:], from[n:]
	}
	copy(to, from)
}

// lines is what streamLines copies at a time: two lines of the cache.
const lines = 128

// In stream_amd64.s.
func streamLines(to, from []byte)
