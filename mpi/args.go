package mpi

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/faasmrun/faasmrun/mpi/match"
)

// args are a call's arguments as they stand on the wasm stack, and the rank whose memory their addresses mean. The
// upper half of a 32-bit argument is garbage.
type args struct {
	r     *Rank
	stack []uint64
	wide  bool // a _c function: counts are MPI_Count
}

func (a args) int(i int) int32 { return int32(a.stack[i]) }

func (a args) rank(i int) match.Rank { return match.Rank(a.stack[i]) }

// word is a pointer, which may mean anything, such as a function, an attribute or an address.
func (a args) word(i int) uint64 { return a.stack[i] }

func (a args) address(i int) uint64 { return a.word(i) }

// noHandle is what no handle is.
const noHandle = 1<<32 - 1

// handle is a handle, of which 32 bits count, though it may be a pointer of 64.
func (a args) handle(i int) uint32 { return handleOf(a.word(i)) }

func handleOf(word uint64) uint32 {
	if word > noHandle {
		return noHandle
	}
	return uint32(word)
}

func (a args) aint(i int) int64 { return int64(a.stack[i]) }

// byAint are the arguments of a function whose lengths are MPI_Aint where others have an int: as wide as an MPI_Count.
func (a args) byAint() args {
	a.wide = true
	return a
}

// count is an int, or an MPI_Count in a _c function.
func (a args) count(i int) int64 {
	if a.wide {
		return int64(a.stack[i])
	}
	return int64(int32(a.stack[i]))
}

// Special addresses.
const (
	bottom  = 0
	inPlace = 1
	null    = 0
)

// piece gives n bytes of the rank's memory, or nil if they do not lie in it.
func (r *Rank) piece(address uint64, n int64) []byte {
	mem := r.host.Memory()
	if n < 0 || address > uint64(len(mem)) || uint64(n) > uint64(len(mem))-address {
		return nil
	}
	return mem[address : address+uint64(n)]
}

// wordSize is the size in the program's memory of a pointer, a handle and an MPI_Aint.
const wordSize = 8

// roomForWord checks that an argument points at memory for a pointer or a handle.
func (a args) roomForWord(i int, what string) *failure {
	_, f := a.pointer(i, what, wordSize)
	return f
}

// putWord writes one there.
func (a args) putWord(i int, what string, v uint64) *failure {
	b, f := a.pointer(i, what, wordSize)
	if f == nil {
		binary.LittleEndian.PutUint64(b, v)
	}
	return f
}

// outside is the failure of an argument that must point at n bytes and does not.
func outside(what string, address uint64, n int64) *failure {
	if address == null {
		return failf(errArg, "%s is a null pointer", what)
	}
	return failf(errArg, "%s points at %#x, and %d bytes there are outside the memory", what, address, n)
}

// pointer gives the bytes an argument points at.
func (a args) pointer(i int, what string, n int64) ([]byte, *failure) {
	address := a.address(i)
	if b := a.r.piece(address, n); b != nil && address != null {
		return b, nil
	}
	return nil, outside(what, address, n)
}

// putInt writes an int at an argument's address.
func (a args) putInt(i int, what string, v int32) *failure {
	b, f := a.pointer(i, what, 4)
	if f == nil {
		binary.LittleEndian.PutUint32(b, uint32(v))
	}
	return f
}

func (a args) putRank(i int, what string, rank match.Rank) *failure {
	return a.putInt(i, what, int32(rank))
}

func (a args) putHandle(i int, what string, h uint32) *failure { return a.putWord(i, what, uint64(h)) }

// putFlag writes 0 or 1.
func (a args) putFlag(i int, what string, v bool) *failure {
	if v {
		return a.putInt(i, what, 1)
	}
	return a.putInt(i, what, 0)
}

// putCount writes an int, or an MPI_Count in a _c function. A count that an int cannot hold becomes MPI_UNDEFINED.
func (a args) putCount(i int, what string, v int64) *failure {
	if a.wide {
		return a.putLong(i, what, v)
	}
	if v > math.MaxInt32 {
		v = undefined
	}
	return a.putInt(i, what, int32(v))
}

// roomForCount checks that an argument points at memory for a count.
func (a args) roomForCount(i int, what string) *failure {
	n := int64(4)
	if a.wide {
		n = 8
	}
	_, f := a.pointer(i, what, n)
	return f
}

func (a args) putLong(i int, what string, v int64) *failure {
	b, f := a.pointer(i, what, 8)
	if f == nil {
		binary.LittleEndian.PutUint64(b, uint64(v))
	}
	return f
}

// getInt reads the int an argument points at.
func (a args) getInt(i int, what string) (int32, *failure) {
	b, f := a.pointer(i, what, 4)
	if f != nil {
		return 0, f
	}
	return int32(binary.LittleEndian.Uint32(b)), nil
}

func (a args) getHandle(i int, what string) (uint32, *failure) {
	b, f := a.pointer(i, what, wordSize)
	if f != nil {
		return 0, f
	}
	return handleOf(binary.LittleEndian.Uint64(b)), nil
}

// putString writes a C string of at most limit-1 bytes, and its length at lengthArg's address.
func (a args) putString(i int, what, s string, limit int, lengthArg int) *failure {
	s = s[:min(len(s), limit-1)]
	b, f := a.pointer(i, what, int64(len(s)+1))
	if f != nil {
		return f
	}
	copy(b, s)
	b[len(s)] = 0
	return a.putInt(lengthArg, "the length", int32(len(s)))
}

// handleArray is an array of handles in the rank's memory.
type handleArray []byte

func (h handleArray) get(i int64) uint32 { return handleOf(binary.LittleEndian.Uint64(h[wordSize*i:])) }
func (h handleArray) set(i int64, v uint32) {
	binary.LittleEndian.PutUint64(h[wordSize*i:], uint64(v))
}

// handles gives an array argument of n handles.
func (a args) handles(i int, n int64) (handleArray, *failure) {
	if n == 0 {
		return nil, nil
	}
	b, f := a.pointer(i, "the array", wordSize*n)
	return b, f
}

// element reads integer i of an array of 32 or 64 bits.
func element(b []byte, i int, wide bool) int64 {
	if wide {
		return int64(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return int64(int32(binary.LittleEndian.Uint32(b[4*i:])))
}

// putArray writes integers at an argument's address.
func (a args) putArray(i int, what string, v []int64, wide bool) *failure {
	if len(v) == 0 {
		return nil
	}
	width := 4
	if wide {
		width = 8
	}
	b, f := a.pointer(i, what, int64(len(v)*width))
	if f != nil {
		return f
	}
	for j, x := range v {
		if wide {
			binary.LittleEndian.PutUint64(b[8*j:], uint64(x))
		} else {
			binary.LittleEndian.PutUint32(b[4*j:], uint32(x))
		}
	}
	return nil
}

// getString reads a C string of at most limit-1 bytes.
func (a args) getString(i int, what string, limit int) (string, *failure) {
	mem, address := a.r.host.Memory(), a.address(i)
	if address == null || address >= uint64(len(mem)) {
		return "", outside(what, address, 1)
	}
	b := mem[address:min(address+uint64(limit), uint64(len(mem)))]
	if n := bytes.IndexByte(b, 0); n >= 0 {
		return string(b[:n]), nil
	}
	return "", failf(errArg, "%s has %d characters or more", what, len(b))
}
