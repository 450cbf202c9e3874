package mpi

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// The arguments of MPI's functions. Each is a word of the wasm stack, of a type that says what it means: its kind. The
// parameters of a Go function are the descriptors of the C function's arguments, in the same order; adapter.go takes
// the words off the stack by them, and a test compares them with mpi.h. What an argument holds is read, and checked, by
// its type's methods and nowhere else. A function asks for its arguments in the order in which errors are to be found.
//
// The upper half of a word that stands for an int is garbage. A word that is a pointer may point anywhere.

// call is a call under way: the rank and the thread that made it, and whether the function is one of the _c functions,
// whose counts are MPI_Count.
type call struct {
	*Thread
	large bool
}

// Numbers.
type (
	intArg     uint64 // int
	rankArg    uint64 // int: a rank, which may be a wildcard
	tagArg     uint64 // int: a tag, which may be a wildcard
	countArg   uint64 // int, in a _c function MPI_Count
	aintArg    uint64 // MPI_Aint, in a _c function it may be an MPI_Count
	wordArg    uint64 // void *: whatever the program wants to keep
	funcArg    uint64 // a function pointer, which is an index in the program's table
	ignored    uint64 // what is not looked at
	addressArg uint64 // void *: an address, of which only the number counts
	memoryArg  uint64 // void *: memory, whose length another argument says in bytes
	numberArg  uint64 // a handle, or its number
)

func (v intArg) int() int32 { return int32(v) }

func (v rankArg) rank() match.Rank { return match.Rank(v) }

func (v tagArg) int() int32 { return int32(v) }

func (v aintArg) int() int64 { return int64(v) }

func (v wordArg) word() uint64 { return uint64(v) }

func (v funcArg) index() uint32 { return handleOf(uint64(v)) }

func (v addressArg) address() uint64 { return uint64(v) }
func (v memoryArg) address() uint64  { return uint64(v) }

func (v countArg) of(r call) int64 {
	if r.large {
		return int64(v)
	}
	return int64(int32(v))
}

// size is a count that must not be negative.
func (v countArg) size(r call, what string) (int64, *failure) {
	n := v.of(r)
	if n < 0 {
		return 0, failf(errCount, "invalid %s %d", what, n)
	}
	if n > datatype.MaxBytes {
		return 0, failf(errCount, "%s %d is too large", what, n)
	}
	return n, nil
}

// upTo is how many of n elements are asked for.
func (v countArg) upTo(r call, n int) int { return int(min(max(v.of(r), 0), int64(n))) }

// Buffers: addresses whose bytes a count and a datatype among the arguments say. They are MPI_BOTTOM or MPI_IN_PLACE at
// times.
type (
	bufIn  uint64 // const void *
	bufOut uint64 // void *
	bufRef uint64 // void *: read, or written, or both
)

func (v bufIn) address() uint64  { return uint64(v) }
func (v bufOut) address() uint64 { return uint64(v) }
func (v bufRef) address() uint64 { return uint64(v) }

// Special addresses.
const (
	bottom  = 0
	inPlace = 1
	null    = 0
)

// Handles.
type (
	commArg       uint64
	groupArg      uint64
	typeArg       uint64
	opArg         uint64
	requestArg    uint64
	errhandlerArg uint64
	infoArg       uint64
)

// noHandle is what no handle is.
const noHandle = 1<<32 - 1

// handleOf is a handle, of which 32 bits count, though it has 64 where it is passed or kept.
func handleOf(word uint64) uint32 {
	if word > noHandle {
		return noHandle
	}
	return uint32(word)
}

func (v commArg) handle() uint32       { return handleOf(uint64(v)) }
func (v groupArg) handle() uint32      { return handleOf(uint64(v)) }
func (v typeArg) handle() uint32       { return handleOf(uint64(v)) }
func (v opArg) handle() uint32         { return handleOf(uint64(v)) }
func (v requestArg) handle() uint32    { return handleOf(uint64(v)) }
func (v errhandlerArg) handle() uint32 { return handleOf(uint64(v)) }
func (v infoArg) handle() uint32       { return handleOf(uint64(v)) }

func (v commArg) of(r call) (*comm, *failure)             { return r.comm(v.handle()) }
func (v groupArg) of(r call) (*group.Group, *failure)     { return r.group(v.handle()) }
func (v typeArg) of(r call) (*datatype.Type, *failure)    { return r.anyType(v.handle()) }
func (v opArg) of(r call) (*op, *failure)                 { return r.op(v.handle()) }
func (v requestArg) of(r call) (*request, *failure)       { return r.request(v.handle()) }
func (v errhandlerArg) of(r call) (*errhandler, *failure) { return r.errhandler(v.handle()) }
func (v infoArg) of(r call) (*info, *failure)             { return r.info(v.handle()) }

// named is a predefined datatype; nil if the handle is of another, or of none.
func (v typeArg) named() *datatype.Type { return datatype.ByHandle(v.handle()) }

// committed is a datatype that may be used for communication.
func (v typeArg) committed(r call) (*datatype.Type, *failure) {
	t, f := v.of(r)
	if f == nil && !t.Committed() {
		f = failf(errType, "the datatype %s is not committed", t.Title())
	}
	return t, f
}

// object is an info object that is not MPI_INFO_NULL.
func (v infoArg) object(r call) (*info, *failure) {
	if v.handle() == infoNull {
		return nil, failf(errInfo, "the info is MPI_INFO_NULL")
	}
	return v.of(r)
}

// handleOut is a pointer to a handle that the function gives; handleRef is one to a handle that it takes, and may
// change. Both are of one kind of object.
type (
	handleOut[object any] uint64
	handleRef[object any] uint64
)

type (
	commOut       = handleOut[comm]
	groupOut      = handleOut[group.Group]
	typeOut       = handleOut[datatype.Type]
	opOut         = handleOut[op]
	requestOut    = handleOut[request]
	messageOut    = handleOut[extracted]
	errhandlerOut = handleOut[errhandler]
	infoOut       = handleOut[info]

	commRef       = handleRef[comm]
	groupRef      = handleRef[group.Group]
	typeRef       = handleRef[datatype.Type]
	opRef         = handleRef[op]
	requestRef    = handleRef[request]
	messageRef    = handleRef[extracted]
	errhandlerRef = handleRef[errhandler]
	infoRef       = handleRef[info]
)

// room checks that there is memory for the handle, before anything is done.
func (p handleOut[object]) room(r call, what string) *failure { return wordOut(p).room(r, what) }

func (p handleOut[object]) put(r call, what string, handle uint32) *failure {
	return wordOut(p).put(r, what, uint64(handle))
}

// get gives back what was put, or what a function of the program has put there since.
func (p handleOut[object]) get(r call, what string) (uint32, *failure) {
	return handleRef[object](p).get(r, what)
}

func (p handleRef[object]) put(r call, what string, handle uint32) *failure {
	return wordOut(p).put(r, what, uint64(handle))
}

func (p handleRef[object]) get(r call, what string) (uint32, *failure) {
	b, f := r.bytesAt(uint64(p), what, wordSize)
	if f != nil {
		return 0, f
	}
	return handleOf(binary.LittleEndian.Uint64(b)), nil
}

// Pointers to numbers.
type (
	intOut   uint64 // int *
	flagOut  uint64 // int *: 0 or 1
	countOut uint64 // int *, in a _c function MPI_Count *
	aintOut  uint64 // MPI_Aint *, in a _c function it may be an MPI_Count *
	wordOut  uint64 // void *: a pointer, or an attribute's value
	intRef   uint64 // int * that is read as well
	countRef uint64 // int * that is read as well, in a _c function MPI_Count *
	aintRef  uint64 // MPI_Aint * that is read as well, in a _c function MPI_Count *
)

func (p intOut) put(r call, what string, v int32) *failure {
	b, f := r.bytesAt(uint64(p), what, 4)
	if f == nil {
		binary.LittleEndian.PutUint32(b, uint32(v))
	}
	return f
}

// room checks that there is memory for the number, before anything is done.
func (p intOut) room(r call, what string) *failure {
	_, f := r.bytesAt(uint64(p), what, 4)
	return f
}

func (p intOut) putRank(r call, what string, rank match.Rank) *failure {
	return p.put(r, what, int32(rank))
}

func (p flagOut) put(r call, what string, v bool) *failure {
	if v {
		return intOut(p).put(r, what, 1)
	}
	return intOut(p).put(r, what, 0)
}

// put writes a count. One that an int cannot hold becomes MPI_UNDEFINED.
func (p countOut) put(r call, what string, v int64) *failure {
	if r.large {
		return aintOut(p).put(r, what, v)
	}
	if v > math.MaxInt32 {
		v = undefined
	}
	return intOut(p).put(r, what, int32(v))
}

func (p countOut) room(r call, what string) *failure {
	if r.large {
		return wordOut(p).room(r, what)
	}
	return intOut(p).room(r, what)
}

func (p aintOut) put(r call, what string, v int64) *failure {
	return wordOut(p).put(r, what, uint64(v))
}

func (p wordOut) put(r call, what string, v uint64) *failure {
	b, f := r.bytesAt(uint64(p), what, wordSize)
	if f == nil {
		binary.LittleEndian.PutUint64(b, v)
	}
	return f
}

func (p wordOut) room(r call, what string) *failure {
	_, f := r.bytesAt(uint64(p), what, wordSize)
	return f
}

func (p intRef) put(r call, what string, v int32) *failure { return intOut(p).put(r, what, v) }

func (p intRef) get(r call, what string) (int32, *failure) {
	b, f := r.bytesAt(uint64(p), what, 4)
	if f != nil {
		return 0, f
	}
	return int32(binary.LittleEndian.Uint32(b)), nil
}

func (p countRef) put(r call, what string, v int64) *failure { return countOut(p).put(r, what, v) }

func (p countRef) get(r call, what string) (int64, *failure) {
	if r.large {
		return aintRef(p).get(r, what)
	}
	v, f := intRef(p).get(r, what)
	return int64(v), f
}

func (p aintRef) put(r call, what string, v int64) *failure { return aintOut(p).put(r, what, v) }

func (p aintRef) get(r call, what string) (int64, *failure) {
	b, f := r.bytesAt(uint64(p), what, wordSize)
	if f != nil {
		return 0, f
	}
	return int64(binary.LittleEndian.Uint64(b)), nil
}

// Arrays. How many elements one has, other arguments say.
type (
	intsIn    uint64 // const int[]
	intsOut   uint64 // int[]
	intsRef   uint64 // int[] that is read as well
	countsIn  uint64 // const int[], in a _c function const MPI_Count[]
	countsOut uint64 // MPI_Count[]
	displsIn  uint64 // const int[], in a _c function const MPI_Aint[]
	aintsIn   uint64 // const MPI_Aint[], in a _c function it may be const MPI_Count[]
	aintsOut  uint64 // MPI_Aint[]

	typesIn     uint64 // const MPI_Datatype[]
	typesOut    uint64 // MPI_Datatype[]
	requestsRef uint64 // MPI_Request[], whose elements change
)

func (p intsIn) read(r call, what string, n int64) ([]int64, *failure) {
	return r.array(uint64(p), what, n, false)
}

func (p intsRef) read(r call, what string, n int64) ([]int64, *failure) {
	return r.array(uint64(p), what, n, false)
}

func (p countsIn) read(r call, what string, n int64) ([]int64, *failure) {
	return r.array(uint64(p), what, n, r.large)
}

func (p aintsIn) read(r call, what string, n int64) ([]int64, *failure) {
	return r.array(uint64(p), what, n, true)
}

// lengths reads block lengths, which must not be negative.
func (p countsIn) lengths(r call, n int64) ([]int64, *failure) {
	v, f := p.read(r, "block lengths", n)
	for j, x := range v {
		if x < 0 {
			return nil, failf(errArg, "block length %d of block %d is negative", x, j)
		}
	}
	return v, f
}

func (p intsOut) put(r call, what string, v []int64) *failure {
	return r.putArray(uint64(p), what, v, false)
}

func (p intsRef) put(r call, what string, v []int64) *failure {
	return r.putArray(uint64(p), what, v, false)
}

// at gives the memory of n ints.
func (p intsOut) at(r call, what string, n int64) ([]byte, *failure) {
	return r.bytesAt(uint64(p), what, 4*n)
}

func (p countsOut) put(r call, what string, v []int64) *failure {
	return r.putArray(uint64(p), what, v, true)
}

func (p aintsOut) put(r call, what string, v []int64) *failure {
	return r.putArray(uint64(p), what, v, true)
}

// put writes handles.
func (p typesOut) put(r call, what string, handles []int64) *failure {
	return r.putArray(uint64(p), what, handles, true)
}

func (p typesIn) handles(r call, n int64) (handleArray, *failure) { return r.handles(uint64(p), n) }

func (p requestsRef) handles(r call, n int64) (handleArray, *failure) { return r.handles(uint64(p), n) }

// handleArray is an array of handles in the rank's memory.
type handleArray []byte

func (h handleArray) get(i int64) uint32    { return handleOf(binary.LittleEndian.Uint64(h[wordSize*i:])) }
func (h handleArray) set(i int64, v uint32) { binary.LittleEndian.PutUint64(h[wordSize*i:], uint64(v)) }

// Statuses.
type (
	statusIn    uint64 // const MPI_Status *
	statusRef   uint64 // MPI_Status * that is read as well
	statusOut   uint64 // MPI_Status *, or MPI_STATUS_IGNORE
	statusesOut uint64 // MPI_Status[], or MPI_STATUSES_IGNORE
)

// statusIgnore is MPI_STATUS_IGNORE and MPI_STATUSES_IGNORE.
const statusIgnore = 0

// at gives the memory of a status.
func (p statusIn) at(r call) ([]byte, *failure)  { return r.bytesAt(uint64(p), "status", statusSize) }
func (p statusRef) at(r call) ([]byte, *failure) { return r.bytesAt(uint64(p), "status", statusSize) }

// at gives the memory for a status, nil when it is to be ignored. Functions look there before they do anything, so that
// a bad pointer loses no message.
func (p statusOut) at(r call) ([]byte, *failure) { return statusesOut(p).at(r, 1) }

func (p statusesOut) at(r call, n int64) ([]byte, *failure) {
	if p == statusIgnore {
		return nil, nil
	}
	return r.bytesAt(uint64(p), "status", n*statusSize)
}

// Strings of C.
type (
	stringIn  uint64 // const char *
	stringOut uint64 // char *, whose room the standard or another argument says
)

// get reads a string of at most limit-1 bytes.
func (p stringIn) get(r call, what string, limit int) (string, *failure) {
	mem, address := r.main.host.Memory(), uint64(p)
	if address == null || address < r.lowest || address >= uint64(len(mem)) {
		return "", r.outside(what, address, 1)
	}
	room := uint64(len(mem)) - address
	if r.several.Load() {
		if room = min(room, r.main.host.Open(address)); room == 0 {
			return "", r.outside(what, address, 1)
		}
	}
	b := mem[address:][:min(uint64(limit), room)]
	if n := bytes.IndexByte(b, 0); n >= 0 {
		return string(b[:n]), nil
	}
	return "", failf(errArg, "%s has %d characters or more", what, len(b))
}

// put writes a string of at most limit-1 bytes, and its length.
func (p stringOut) put(r call, what, s string, limit int, length intOut) *failure {
	s = s[:min(len(s), limit-1)]
	if f := p.putAll(r, what, s); f != nil {
		return f
	}
	return length.put(r, "the length", int32(len(s)))
}

// putAll writes a whole string.
func (p stringOut) putAll(r call, what, s string) *failure {
	b, f := r.bytesAt(uint64(p), what, int64(len(s)+1))
	if f == nil {
		copy(b, s)
		b[len(s)] = 0
	}
	return f
}

// wordSize is the size in the program's memory of a pointer, a handle and an MPI_Aint.
const wordSize = 8

// piece gives n bytes of the rank's memory, or nil if they do not lie in it, or where null pointers are.
func (r *Rank) piece(address uint64, n int64) []byte {
	mem := r.main.host.Memory()
	if n < 0 || address > uint64(len(mem)) || uint64(n) > uint64(len(mem))-address || address < r.lowest && n > 0 ||
		!r.open(address, uint64(n)) {
		return nil
	}
	return mem[address : address+uint64(n)]
}

// bytesAt gives the bytes that an argument points at.
func (r *Rank) bytesAt(address uint64, what string, n int64) ([]byte, *failure) {
	if b := r.piece(address, n); b != nil && address != null {
		return b, nil
	}
	return nil, r.outside(what, address, n)
}

// outside is the failure of an argument that must point at n bytes and does not.
func (r *Rank) outside(what string, address uint64, n int64) *failure {
	switch {
	case address == null:
		return failf(errArg, "%s is a null pointer", what)
	case address < r.lowest:
		return failf(errArg, "%s is a null pointer (%#x)", what, address)
	}
	return failf(errArg, "%s points at %#x, and %d bytes there are outside the memory", what, address, n)
}

// handles gives an array of n handles.
func (r *Rank) handles(address uint64, n int64) (handleArray, *failure) {
	if n == 0 {
		return nil, nil
	}
	return r.bytesAt(address, "the array", wordSize*n)
}

// array reads n integers, of 64 bits if wide.
func (r *Rank) array(address uint64, what string, n int64, wide bool) ([]int64, *failure) {
	if n == 0 {
		return nil, nil
	}
	width := int64(4)
	if wide {
		width = 8
	}
	if n > 1<<32 {
		return nil, r.outside(what, address, n)
	}
	b, f := r.bytesAt(address, what, n*width)
	if f != nil {
		return nil, f
	}
	v := make([]int64, n)
	for j := range v {
		v[j] = element(b, j, wide)
	}
	return v, nil
}

// putArray writes integers.
func (r *Rank) putArray(address uint64, what string, v []int64, wide bool) *failure {
	if len(v) == 0 {
		return nil
	}
	width := 4
	if wide {
		width = 8
	}
	b, f := r.bytesAt(address, what, int64(len(v)*width))
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

// element reads integer i of an array of 32 or 64 bits.
func element(b []byte, i int, wide bool) int64 {
	if wide {
		return int64(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return int64(int32(binary.LittleEndian.Uint32(b[4*i:])))
}
