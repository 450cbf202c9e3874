package omp

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Devices (OpenMP 5.1, 3.7 and 3.8): there is none but the host, whose number is 0. So its memory is the rank's, the
// address of a variable there is the variable's own, and no other can be associated with it.

// hostDevice reports whether a number is the host's, which programs give as omp_initial_device too.
func hostDevice(device uint64) bool { return int32(device) == 0 || int32(device) == initialDevice }

const initialDevice = -1

// The answers of routines about devices' memory: 0 is done.
const (
	memoryDone   = 0
	memoryFailed = 22 // EINVAL
)

// ptr omp_target_alloc(size, device i32) -> 0: there is no such device, or no room.
func targetAlloc(t *Thread, s []uint64) {
	if !hostDevice(s[1]) {
		s[0] = 0
		return
	}
	s[0] = t.allocateBy(defaultAllocator, 0, s[0])
}

// void omp_target_free(memory, device i32)
func targetFree(t *Thread, s []uint64) {
	if hostDevice(s[1]) {
		t.freeBlock(s[0])
	}
}

// i32 omp_target_is_present(memory, device i32) -> 1: the device has it.
func targetIsPresent(_ *Thread, s []uint64) { s[0] = truthOf(s[0] != 0 && hostDevice(s[1])) }

// i32 omp_target_is_accessible(memory, size, device i32) -> 1: code of the device may use it.
func targetIsAccessible(_ *Thread, s []uint64) { s[0] = truthOf(s[0] != 0 && hostDevice(s[2])) }

// i32 omp_target_associate_ptr(host, memory, size, offset, device i32), i32 omp_target_disassociate_ptr(host, device
// i32) -> EINVAL: what the host has is not another device's.
func targetAssociate(_ *Thread, s []uint64) { s[0] = memoryFailed }

// ptr omp_get_mapped_ptr(host, device i32) -> 0: the device has nothing of that.
func mappedPtr(_ *Thread, s []uint64) {
	if !hostDevice(s[1]) {
		s[0] = 0
	}
}

// i32 omp_target_memcpy(to, from, size, to_offset, from_offset, to_device i32, from_device i32) -> 0, EINVAL
func targetMemcpy(t *Thread, s []uint64) {
	to, from, size := s[0], s[1], s[2]
	if !hostDevice(s[5]) || !hostDevice(s[6]) || size > 0 && (to == 0 || from == 0) {
		s[0] = memoryFailed
		return
	}
	if size > 0 {
		copy(t.host.Bytes(to+s[3], size), t.host.Bytes(from+s[4], size))
	}
	s[0] = memoryDone
}

// i32 omp_target_memcpy_async(…, count i32, *depends): a copy that waits for what the objects say, and is complete when
// the call is. What depends on it is then free to go.
func targetMemcpyAsync(t *Thread, s []uint64) {
	t.waitObjects(s[7], s[8])
	targetMemcpy(t, s)
}

// mostCopyDimensions bounds those of a copy.
const mostCopyDimensions = 64

// box is a copy of a part of an array: the sizes and offsets of each dimension, outermost first.
type box struct{ volume, toOffsets, fromOffsets, toSizes, fromSizes []uint64 }

// i32 omp_target_memcpy_rect(to, from, element, dimensions i32, *volume, *to_offsets, *from_offsets, *to_sizes,
// *from_sizes, to_device i32, from_device i32) -> 0, EINVAL; without arrays, how many dimensions there may be.
func targetMemcpyRect(t *Thread, s []uint64) {
	to, from, element, n := s[0], s[1], s[2], int32(s[3])
	if to == 0 && from == 0 {
		s[0] = mostCopyDimensions
		return
	}
	if to == 0 || from == 0 || element == 0 || n < 1 || n > mostCopyDimensions || !hostDevice(s[9]) || !hostDevice(s[10]) {
		s[0] = memoryFailed
		return
	}
	list := func(address uint64) []uint64 {
		b, numbers := t.host.Bytes(address, 8*uint64(n)), make([]uint64, n)
		for i := range numbers {
			numbers[i] = binary.LittleEndian.Uint64(b[8*i:])
		}
		return numbers
	}
	if !t.copyBox(to, from, element, box{list(s[4]), list(s[5]), list(s[6]), list(s[7]), list(s[8])}) {
		s[0] = memoryFailed
		return
	}
	s[0] = memoryDone
}

// i32 omp_target_memcpy_rect_async(…, count i32, *depends): as omp_target_memcpy_async.
func targetMemcpyRectAsync(t *Thread, s []uint64) {
	if s[0] != 0 || s[1] != 0 {
		t.waitObjects(s[11], s[12])
	}
	targetMemcpyRect(t, s)
}

// copyBox copies a part of an array with elements of a size, and reports whether memory can be as large.
func (t *Thread) copyBox(to, from, element uint64, b box) bool {
	if len(b.volume) == 1 {
		over, size := bits.Mul64(b.volume[0], element)
		if over != 0 || size > math.MaxInt64 {
			return false
		}
		if size > 0 {
			copy(t.host.Bytes(to+b.toOffsets[0]*element, size), t.host.Bytes(from+b.fromOffsets[0]*element, size))
		}
		return true
	}
	toStep, fromStep := element, element
	for i := 1; i < len(b.volume); i++ {
		toStep, fromStep = toStep*b.toSizes[i], fromStep*b.fromSizes[i]
	}
	inner := box{b.volume[1:], b.toOffsets[1:], b.fromOffsets[1:], b.toSizes[1:], b.fromSizes[1:]}
	for i := range b.volume[0] {
		if !t.copyBox(to+(b.toOffsets[0]+i)*toStep, from+(b.fromOffsets[0]+i)*fromStep, element, inner) {
			return false
		}
	}
	return true
}

// waitObjects waits for what objects of the depobj construct say: count i32 of them, whose addresses stand in a list.
func (t *Thread) waitObjects(count, list uint64) {
	for i := range max(int64(int32(count)), 0) {
		object := t.number(list+8*uint64(i), 8)
		waitDependences(t, []uint64{0, 0, 1, object, 0, 0, 0})
	}
}

// Interoperability (OpenMP 5.1, 3.12): no program has an object of it but omp_interop_none, which has no properties.
const interopEmpty uint64 = 1<<32 - 1 // omp_irc_empty, -1

// i64 omp_get_interop_int(interop, property i32, *error), and its like for addresses and texts -> 0
func interopProperty(t *Thread, s []uint64) {
	if s[2] != 0 {
		t.store(s[2], 4, interopEmpty)
	}
	s[0] = 0
}

// i32 omp_pause_resource(kind i32, device i32) -> 0: threads that wait take nothing of a processor already. 1: there is
// no such kind or device, or the thread is in a region.
func pauseResource(t *Thread, s []uint64) {
	s[0] = truthOf(!hostDevice(s[1]) || !t.mayPause(s[0]))
}

// i32 omp_pause_resource_all(kind i32), as omp_pause_resource
func pauseResourceAll(t *Thread, s []uint64) { s[0] = truthOf(!t.mayPause(s[0])) }

func (t *Thread) mayPause(kind uint64) bool {
	const soft, hard = 1, 2
	return (int32(kind) == soft || int32(kind) == hard) && t.region.team.level == 0
}

// noText is of routines that have no text to give.
func noText(_ *Thread, s []uint64) { s[0] = 0 }

// noTool is what omp_control_tool says: omp_control_tool_notool.
const noTool = -2
