package mpi

// Handles of objects that a program makes are numbers: the kind of object in the upper four bits, then a generation, so
// that a handle kept after its object was freed is recognized, then an index. Handles of predefined objects are those
// of the ABI, all below 0x1000.
type handleKind uint32

const (
	kindComm handleKind = iota + 1
	kindGroup
	kindDatatype
	kindOp
	kindRequest
	kindMessage
	kindErrhandler
	kindInfo
)

const (
	indexBits      = 22
	generationBits = 6
	kindShift      = indexBits + generationBits
	maxObjects     = 1 << indexBits // of one kind in one rank
)

// table holds a rank's objects of one kind.
type table[T any] struct {
	objects    []*T
	generation []uint8
	free       []uint32
	made       func(handle uint32) // is told of each new handle, if not nil
}

// add gives the object a handle; ok is false when the table is full.
func (t *table[T]) add(k handleKind, object *T) (handle uint32, ok bool) {
	var i uint32
	if n := len(t.free); n > 0 {
		i = t.free[n-1]
		t.free = t.free[:n-1]
		t.objects[i] = object
	} else {
		if len(t.objects) == maxObjects {
			return 0, false
		}
		i = uint32(len(t.objects))
		t.objects, t.generation = append(t.objects, object), append(t.generation, 0)
	}
	handle = t.handle(k, i)
	if t.made != nil {
		t.made(handle)
	}
	return handle, true
}

// handle is that of the object at an index.
func (t *table[T]) handle(k handleKind, i uint32) uint32 {
	return uint32(k)<<kindShift | uint32(t.generation[i])<<indexBits | i
}

// get finds an object, nil if the handle is not one of this kind or its object is gone.
func (t *table[T]) get(k handleKind, handle uint32) *T {
	i := handle & (maxObjects - 1)
	if handle>>kindShift != uint32(k) || int(i) >= len(t.objects) ||
		handle>>indexBits&(1<<generationBits-1) != uint32(t.generation[i]) {
		return nil
	}
	return t.objects[i]
}

// remove forgets the object; its index is used again under the next generation. Of a handle whose object is gone it
// does nothing: a function of the program that MPI called may have freed it meanwhile.
func (t *table[T]) remove(handle uint32) {
	i := handle & (maxObjects - 1)
	if int(i) >= len(t.objects) || t.objects[i] == nil ||
		handle>>indexBits&(1<<generationBits-1) != uint32(t.generation[i]) {
		return
	}
	t.objects[i] = nil
	t.generation[i] = (t.generation[i] + 1) & (1<<generationBits - 1)
	t.free = append(t.free, i)
}
