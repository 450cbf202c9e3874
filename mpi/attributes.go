package mpi

import "github.com/faasmrun/faasmrun/mpi/datatype"

// attributes are the values a program attached to an object, in the order of attaching.
type attributes []attribute

type attribute struct {
	keyval int32
	value  uint64
}

// keyval is an attribute key: what to call when an object that has it is copied, and when it goes.
type keyval struct {
	object    keyvalObject
	copy, del uint32 // table indices, or the ABI's numbers below
	extra     uint64
	freed     bool
	uses      int // attributes that have it
	number    int32
}

// A key's number is that of the first key plus its index, below a generation that goes up each time the index is used
// again: so a key that was freed is recognized.
const (
	keyvalIndexBits      = 20
	keyvalGenerationBits = 10
)

// keyvalIndex is a key's index, which may be out of range.
func keyvalIndex(k int32) int { return int(k-firstKeyval) & (1<<keyvalIndexBits - 1) }

// use counts attributes that have a key. One that was freed and that none has goes.
func (r *Rank) use(k int32, n int) {
	i := keyvalIndex(k)
	if i >= len(r.keyvals) || r.keyvals[i].number != k {
		return
	}
	v := &r.keyvals[i]
	if v.uses += n; v.freed && v.uses == 0 {
		v.number = firstKeyval +
			int32((int64(k-firstKeyval)+1<<keyvalIndexBits)&(1<<(keyvalIndexBits+keyvalGenerationBits)-1))
		r.freeKeyvals = append(r.freeKeyvals, i)
	}
}

// keyvalObject is what a key is for.
type keyvalObject uint8

const (
	keyvalComm keyvalObject = iota + 1
	keyvalType
)

// The ABI's numbers for functions that are not functions: MPI_COMM_NULL_COPY_FN and MPI_COMM_NULL_DELETE_FN are 0,
// MPI_COMM_DUP_FN is 1. The toolchain keeps index 1 of the function table free of the program's functions.
const (
	nullFunction = 0
	dupFunction  = 1
)

const (
	keyvalInvalid = 0
	firstKeyval   = 1024
)

// createKeyval makes MPI_Comm_create_keyval and its like: (copy, delete, *keyval, extra).
func createKeyval(object keyvalObject) func(call, funcArg, funcArg, intOut, wordArg) *failure {
	return func(r call, copies, deletes funcArg, key intOut, extra wordArg) *failure {
		if f := key.room(r, "keyval"); f != nil {
			return f
		}
		v := keyval{object: object, copy: copies.index(), del: deletes.index(), extra: extra.word(),
			number: int32(firstKeyval + len(r.keyvals))}
		if n := len(r.freeKeyvals); n > 0 {
			i := r.freeKeyvals[n-1]
			r.freeKeyvals = r.freeKeyvals[:n-1]
			v.number = r.keyvals[i].number
			r.keyvals[i] = v
		} else if len(r.keyvals) == 1<<keyvalIndexBits {
			return failf(errNoMem, "more than %d attribute keys", len(r.keyvals))
		} else {
			r.keyvals = append(r.keyvals, v)
		}
		return key.put(r, "keyval", v.number)
	}
}

// keyval finds a key of the program.
func (r *Rank) keyval(k int32, object keyvalObject, freedToo bool) (*keyval, *failure) {
	i := keyvalIndex(k)
	if k < firstKeyval || i >= len(r.keyvals) || r.keyvals[i].number != k || r.keyvals[i].object != object ||
		r.keyvals[i].freed && !freedToo {
		return nil, failf(errKeyval, "%d is no attribute key for this object, or was freed", k)
	}
	return &r.keyvals[i], nil
}

// freeKeyval makes MPI_Comm_free_keyval and its like: (*keyval). Attributes that have it stay, and as long as there are
// some the key may be freed again.
func freeKeyval(object keyvalObject) func(call, intRef) *failure {
	return func(r call, key intRef) *failure {
		k, f := key.get(r, "keyval")
		if f != nil {
			return f
		}
		v, f := r.keyval(k, object, true)
		if f != nil {
			return f
		}
		if v.freed && v.uses == 0 {
			return failf(errKeyval, "attribute key %d was freed", k)
		}
		v.freed = true
		r.use(k, 0)
		return key.put(r, "keyval", keyvalInvalid)
	}
}

// attributed is an argument whose object has attributes.
type attributed interface {
	word
	handle() uint32
	object() keyvalObject
	// attributes are the object's, and the communicator if it is one.
	attributes(call) (*attributes, *comm, *failure)
}

func (v commArg) object() keyvalObject { return keyvalComm }
func (v typeArg) object() keyvalObject { return keyvalType }

func (v commArg) attributes(r call) (*attributes, *comm, *failure) {
	c, f := v.of(r)
	if f != nil {
		return nil, nil, f
	}
	return &c.attributes, c, nil
}

func (v typeArg) attributes(r call) (*attributes, *comm, *failure) {
	t, f := v.of(r)
	if f != nil {
		return nil, nil, f
	}
	return r.attributesOf(t), nil, nil
}

// attributesOf are those that the rank has given a datatype. All ranks share the predefined ones, hence no field there.
func (r *Rank) attributesOf(t *datatype.Type) *attributes {
	if r.typeAttributes == nil {
		r.typeAttributes = map[*datatype.Type]*attributes{}
	}
	if r.typeAttributes[t] == nil {
		r.typeAttributes[t] = &attributes{}
	}
	return r.typeAttributes[t]
}

func (l attributes) find(k int32) int {
	for i := range l {
		if l[i].keyval == k {
			return i
		}
	}
	return -1
}

// setAttribute serves MPI_Comm_set_attr and its like. A value that is there is deleted first.
func setAttribute[A attributed](r call, of A, key intArg, value wordArg) *failure {
	list, c, f := of.attributes(r)
	if f != nil {
		return f
	}
	k, object := key.int(), of.object()
	if _, f := r.keyval(k, object, false); f != nil {
		return f.on(c)
	}
	if i := list.find(k); i >= 0 {
		if f := r.deleted(object, of.handle(), (*list)[i]); f != nil {
			return f.on(c)
		}
		if i = list.find(k); i >= 0 { // the function may have deleted it
			(*list)[i].value = value.word()
			return nil
		}
	}
	if _, f := r.keyval(k, object, false); f != nil { // the function may have freed it
		return f.on(c)
	}
	r.use(k, 1)
	*list = append(*list, attribute{k, value.word()})
	return nil
}

// deleted calls the delete function of an attribute.
func (t *Thread) deleted(object keyvalObject, handle uint32, at attribute) *failure {
	v, f := t.keyval(at.keyval, object, true)
	if f != nil || v.del == nullFunction {
		return f
	}
	return t.ask("the attribute's delete function", v.del, "lill", uint64(handle), uint64(uint32(at.keyval)), at.value,
		v.extra)
}

// getAttribute serves MPI_Comm_get_attr and its like.
func getAttribute[A attributed](r call, of A, key intArg, value wordOut, flag flagOut) *failure {
	list, c, f := of.attributes(r)
	if f != nil {
		return f
	}
	k, object := key.int(), of.object()
	if object == keyvalComm {
		if n, ok := r.predefinedAttribute(k); ok {
			return r.putPredefined(k, n, value, flag).on(c)
		}
	}
	if _, f := r.keyval(k, object, true); f != nil {
		return f.on(c)
	}
	i := list.find(k)
	if i >= 0 {
		if f := value.put(r, "attribute", (*list)[i].value); f != nil {
			return f.on(c)
		}
	}
	return flag.put(r, "flag", i >= 0).on(c)
}

// predefinedAttribute gives the value of the keys that every communicator has.
func (r *Rank) predefinedAttribute(k int32) (value int32, ok bool) {
	switch k {
	case 501: // MPI_TAG_UB
		return maxTag, true
	case 502: // MPI_IO: every rank can
		return int32(anySource), true
	case 503: // MPI_HOST: there is none
		return int32(procNull), true
	case 504: // MPI_WTIME_IS_GLOBAL
		return 1, true
	case 505: // MPI_APPNUM
		return int32(r.world.config.program(int(r.rank))), true
	case 506: // MPI_LASTUSEDCODE
		return r.errors.last(), true
	case 507: // MPI_UNIVERSE_SIZE
		return int32(len(r.world.ranks)), true
	}
	return 0, false
}

// putPredefined gives a predefined attribute, which C sees as a pointer to an int.
func (r call) putPredefined(k, n int32, value wordOut, flag flagOut) *failure {
	if r.predefinedAt == nil {
		r.predefinedAt = map[int32]uint64{}
	}
	address, ok := r.predefinedAt[k]
	if !ok {
		var f *failure
		if address, f = r.words(0); f != nil {
			return f
		}
		r.predefinedAt[k] = address
	}
	if b := r.piece(address, 4); b != nil {
		b[0], b[1], b[2], b[3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
	}
	if f := value.put(r, "attribute", address); f != nil {
		return f
	}
	return flag.put(r, "flag", true)
}

// deleteAttribute serves MPI_Comm_delete_attr and its like.
func deleteAttribute[A attributed](r call, of A, key intArg) *failure {
	list, c, f := of.attributes(r)
	if f != nil {
		return f
	}
	k, object := key.int(), of.object()
	if _, f := r.keyval(k, object, true); f != nil {
		return f.on(c)
	}
	i := list.find(k)
	if i < 0 {
		return failf(errKeyval, "the object has no attribute %d", k).on(c)
	}
	if f := r.deleted(object, of.handle(), (*list)[i]); f != nil {
		return f.on(c)
	}
	if i = list.find(k); i >= 0 { // the function may have deleted it
		*list = append((*list)[:i:i], (*list)[i+1:]...)
		r.use(k, -1)
	}
	return nil
}

// copyAttributes gives a duplicate the attributes whose copy functions say so.
func (t *Thread) copyAttributes(object keyvalObject, handle uint32, from, to *attributes) *failure {
	for _, at := range *from {
		v, f := t.keyval(at.keyval, object, true)
		if f != nil || v.copy == nullFunction {
			continue
		}
		value := at.value
		if v.copy != dupFunction {
			var keep bool
			if value, keep, f = t.copied(v, handle, at); f != nil {
				return f
			}
			if !keep {
				continue
			}
		}
		t.use(at.keyval, 1)
		*to = append(*to, attribute{at.keyval, value})
	}
	return nil
}

// copied calls a copy function: (object, keyval, extra, value, *newvalue, *flag).
func (t *Thread) copied(v *keyval, handle uint32, at attribute) (value uint64, keep bool, f *failure) {
	out, f := t.words(0, 0)
	if f != nil {
		return 0, false, f
	}
	defer t.heap.release(out)
	f = t.ask("the attribute's copy function", v.copy, "lillll", uint64(handle), uint64(uint32(at.keyval)), v.extra,
		at.value, out, out+wordSize)
	return t.word(out), int32(t.word(out+wordSize)) != 0, f
}

// deleteAttributes calls the delete functions of an object that goes, the latest attribute's first (MPI 5.0, chapter
// 11.2.4 asks for that order on MPI_COMM_SELF).
func (t *Thread) deleteAttributes(object keyvalObject, handle uint32, list *attributes) *failure {
	for len(*list) > 0 {
		last := (*list)[len(*list)-1]
		if f := t.deleted(object, handle, last); f != nil {
			return f
		}
		if n := len(*list); n > 0 && (*list)[n-1] == last { // the function may have deleted it
			*list = (*list)[:n-1]
			t.use(last.keyval, -1)
		}
	}
	return nil
}
