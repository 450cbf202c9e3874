package mpi

import (
	"encoding/binary"
	"math"

	"github.com/faasmrun/faasmrun/mpi/match"
)

// status is what became of a message.
type status struct {
	source    match.Rank
	tag       int32
	class     int32 // of its error
	bytes     int64
	cancelled bool
}

// Sentinels.
const (
	anySource            = match.AnySource
	anyTag               = match.AnyTag
	procNull  match.Rank = -3
	undefined            = -32766
)

// maxTag is MPI_TAG_UB.
const maxTag = 1<<31 - 1

// empty is the status of a null or inactive request, nowhere that of a communication with MPI_PROC_NULL.
var (
	empty   = status{source: anySource, tag: anyTag}
	nowhere = status{source: procNull, tag: anyTag}
)

const statusSize = 32

// put writes a status: MPI_SOURCE, MPI_TAG, MPI_ERROR, then in MPI_internal the bytes as 64 bits and whether it was
// cancelled. MPI_ERROR is written only by the functions that complete several requests (MPI 5.0, chapter 3.2.5).
func (s *status) put(b []byte, withError bool) {
	binary.LittleEndian.PutUint32(b, uint32(s.source))
	binary.LittleEndian.PutUint32(b[4:], uint32(s.tag))
	if withError {
		binary.LittleEndian.PutUint32(b[8:], uint32(s.class))
	}
	binary.LittleEndian.PutUint64(b[12:], uint64(s.bytes))
	var cancelled uint32
	if s.cancelled {
		cancelled = 1
	}
	binary.LittleEndian.PutUint32(b[20:], cancelled)
}

func getStatus(b []byte) status {
	return status{
		source: match.Rank(binary.LittleEndian.Uint32(b)), tag: int32(binary.LittleEndian.Uint32(b[4:])),
		class: int32(binary.LittleEndian.Uint32(b[8:])), bytes: int64(binary.LittleEndian.Uint64(b[12:])),
		cancelled: binary.LittleEndian.Uint32(b[20:]) != 0,
	}
}

// statusIgnore is MPI_STATUS_IGNORE and MPI_STATUSES_IGNORE.
const statusIgnore = 0

// statuses gives the memory for n statuses at an argument, nil when they are to be ignored. Functions look there before
// they do anything, so that a bad pointer loses no message.
func (a args) statuses(i int, n int64) ([]byte, *failure) {
	if a.address(i) == statusIgnore {
		return nil, nil
	}
	return a.pointer(i, "status", n*statusSize)
}

// putStatus writes one status, unless it is to be ignored.
func putStatus(b []byte, s status) {
	if b != nil {
		s.put(b, false)
	}
}

// MPI_Get_count(*status, datatype, *count): whole elements received, or MPI_UNDEFINED.
func getCount(r *Rank, a args) *failure {
	b, f := a.pointer(0, "status", statusSize)
	if f != nil {
		return f
	}
	t, f := a.anyType(1)
	if f != nil {
		return f
	}
	s := getStatus(b)
	switch {
	case t.size == 0 && s.bytes == 0:
		return a.putCount(2, "count", 0)
	case t.size == 0 || s.bytes%t.size != 0:
		return a.putCount(2, "count", undefined)
	}
	return a.putCount(2, "count", s.bytes/t.size)
}

// MPI_Test_cancelled(*status, *flag)
func testCancelled(r *Rank, a args) *failure {
	b, f := a.pointer(0, "status", statusSize)
	if f != nil {
		return f
	}
	return a.putFlag(1, "flag", getStatus(b).cancelled)
}

// editStatus makes the functions that change one field of a status: (*status, value).
func editStatus(edit func(a args, s *status) *failure) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		b, f := a.pointer(0, "status", statusSize)
		if f != nil {
			return f
		}
		s := getStatus(b)
		if f := edit(a, &s); f != nil {
			return f
		}
		s.put(b, true)
		return nil
	}
}

var (
	statusSetCancelled = editStatus(func(a args, s *status) *failure { s.cancelled = a.int(1) != 0; return nil })
	statusSetSource    = editStatus(func(a args, s *status) *failure { s.source = a.rank(1); return nil })
	statusSetTag       = editStatus(func(a args, s *status) *failure { s.tag = a.int(1); return nil })
	statusSetError     = editStatus(func(a args, s *status) *failure { s.class = a.int(1); return nil })
	// MPI_Status_set_elements(*status, datatype, count)
	statusSetElements = editStatus(func(a args, s *status) *failure {
		t, f := a.anyType(1)
		if f != nil {
			return f
		}
		n := a.count(2)
		if n < 0 || t.basics > 0 && n/t.basics > math.MaxInt64/max(t.size, 1) {
			return failf(errCount, "invalid count %d", n)
		}
		if t.basics > 0 {
			n, whole := n%t.basics, n/t.basics
			s.bytes = whole*t.size + t.bytesOf(n)
		}
		return nil
	})
)

// statusGet makes the functions that read one field of a status: (*status, *value).
func statusGet(get func(s status) int32) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		b, f := a.pointer(0, "status", statusSize)
		if f != nil {
			return f
		}
		return a.putInt(1, "value", get(getStatus(b)))
	}
}

// statusCopy makes MPI_Status_c2f and MPI_Status_f2c: (*from, *to).
func statusCopy(r *Rank, a args) *failure {
	from, f := a.pointer(0, "status", statusSize)
	if f != nil {
		return f
	}
	to, f := a.pointer(1, "status", statusSize)
	if f == nil {
		copy(to, from)
	}
	return f
}
