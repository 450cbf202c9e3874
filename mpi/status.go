package mpi

import (
	"encoding/binary"

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

// putStatus writes one status, unless it is to be ignored.
func putStatus(b []byte, s status) {
	if b != nil {
		s.put(b, false)
	}
}

// MPI_Get_count(*status, datatype, *count): whole elements received, or MPI_UNDEFINED.
func getCount(r call, status statusIn, datatype typeArg, count countOut) *failure {
	b, f := status.at(r)
	if f != nil {
		return f
	}
	t, f := datatype.of(r)
	if f != nil {
		return f
	}
	s := getStatus(b)
	switch {
	case t.Size() == 0 && s.bytes == 0:
		return count.put(r, "count", 0)
	case t.Size() == 0 || s.bytes%t.Size() != 0:
		return count.put(r, "count", undefined)
	}
	return count.put(r, "count", s.bytes/t.Size())
}

// MPI_Test_cancelled(*status, *flag)
func testCancelled(r call, status statusIn, flag flagOut) *failure {
	b, f := status.at(r)
	if f != nil {
		return f
	}
	return flag.put(r, "flag", getStatus(b).cancelled)
}

// editStatus makes the functions that change one field of a status.
func editStatus[A word](edit func(s *status, value A)) func(call, statusRef, A) *failure {
	return func(r call, at statusRef, value A) *failure {
		b, f := at.at(r)
		if f != nil {
			return f
		}
		s := getStatus(b)
		edit(&s, value)
		s.put(b, true)
		return nil
	}
}

var (
	statusSetCancelled = editStatus(func(s *status, flag intArg) { s.cancelled = flag.int() != 0 })
	statusSetSource    = editStatus(func(s *status, source rankArg) { s.source = source.rank() })
	statusSetTag       = editStatus(func(s *status, tag tagArg) { s.tag = tag.int() })
	statusSetError     = editStatus(func(s *status, class intArg) { s.class = class.int() })
)

// MPI_Status_set_elements(*status, datatype, count)
func statusSetElements(r call, at statusRef, datatype typeArg, count countArg) *failure {
	b, f := at.at(r)
	if f != nil {
		return f
	}
	t, f := datatype.of(r)
	if f != nil {
		return f
	}
	n := count.of(r)
	bytes, ok := t.BytesOf(n)
	if !ok {
		return failf(errCount, "invalid count %d", n)
	}
	s := getStatus(b)
	if t.Basics() > 0 {
		s.bytes = bytes
	}
	s.put(b, true)
	return nil
}

// statusGet makes the functions that read one field of a status: (*status, *value).
func statusGet(get func(s status) int32) func(call, statusIn, intOut) *failure {
	return func(r call, at statusIn, value intOut) *failure {
		b, f := at.at(r)
		if f != nil {
			return f
		}
		return value.put(r, "value", get(getStatus(b)))
	}
}

// statusCopy makes MPI_Status_c2f and MPI_Status_f2c, whose statuses are the same: (*from, *to).
func statusCopy(r call, from statusIn, to statusRef) *failure {
	b, f := from.at(r)
	if f != nil {
		return f
	}
	c, f := to.at(r)
	if f == nil {
		copy(c, b)
	}
	return f
}
