package mpi

// info is an ordered list of keys and values.
type info struct {
	keys, values []string
}

const (
	infoNull    = 0x130
	infoEnv     = 0x131
	maxInfoKey  = 256
	maxInfoVal  = 1024
	maxInfoKeys = 1 << 12 // bounds one info object
)

var noInfo = &info{}

// info finds an info object; MPI_INFO_NULL is an empty one.
func (r *Rank) info(handle uint32) (*info, *failure) {
	switch handle {
	case infoNull:
		return noInfo, nil
	case infoEnv:
		return r.environment(), nil
	}
	if i := r.infos.get(kindInfo, handle); i != nil {
		return i, nil
	}
	return nil, failf(errInfo, "%#x is no info object, or was freed", handle)
}

// realInfo finds an info object that is not MPI_INFO_NULL.
func (a args) realInfo(i int) (*info, *failure) {
	if a.handle(i) == infoNull {
		return nil, failf(errInfo, "the info is MPI_INFO_NULL")
	}
	return a.r.info(a.handle(i))
}

// environment is MPI_INFO_ENV.
func (r *Rank) environment() *info {
	i := &info{}
	i.set("host", r.world.config.Node)
	i.set("thread_level", map[int32]string{threadSingle: "MPI_THREAD_SINGLE", threadFunneled: "MPI_THREAD_FUNNELED",
		threadSerialized: "MPI_THREAD_SERIALIZED"}[r.threadLevel])
	return i
}

func (i *info) find(key string) int {
	for j, k := range i.keys {
		if k == key {
			return j
		}
	}
	return -1
}

func (i *info) set(key, value string) {
	if j := i.find(key); j >= 0 {
		i.values[j] = value
		return
	}
	i.keys, i.values = append(i.keys, key), append(i.values, value)
}

func (i *info) copy() *info {
	return &info{append([]string{}, i.keys...), append([]string{}, i.values...)}
}

// newInfo gives an info object a handle, written at the argument's address.
func (a args) newInfo(out int, i *info) *failure {
	if f := a.roomForWord(out, "info"); f != nil {
		return f
	}
	handle, ok := a.r.infos.add(kindInfo, i)
	if !ok {
		return failf(errNoMem, "more than %d info objects", maxObjects)
	}
	return a.putHandle(out, "info", handle)
}

// MPI_Info_create(*info)
func infoCreate(r *Rank, a args) *failure { return a.newInfo(0, &info{}) }

// MPI_Info_create_env(argc, argv, *info)
func infoCreateEnv(r *Rank, a args) *failure { return a.newInfo(2, r.environment().copy()) }

// MPI_Info_dup(info, *newinfo)
func infoDup(r *Rank, a args) *failure {
	i, f := a.realInfo(0)
	if f != nil {
		return f
	}
	return a.newInfo(1, i.copy())
}

// MPI_Info_free(*info)
func infoFree(r *Rank, a args) *failure {
	handle, f := a.getHandle(0, "info")
	if f != nil {
		return f
	}
	if r.infos.get(kindInfo, handle) == nil {
		return failf(errInfo, "%#x is no info object that can be freed", handle)
	}
	r.infos.remove(handle)
	return a.putHandle(0, "info", infoNull)
}

// infoKey reads a key.
func (a args) infoKey(i int) (string, *failure) {
	key, f := a.getString(i, "key", maxInfoKey)
	if f == nil && key != "" {
		return key, nil
	}
	if f == nil {
		f = failf(errInfoKey, "the key is empty")
	}
	if f.class == errArg {
		f.class = errInfoKey
	}
	return "", f
}

// MPI_Info_set(info, key, value)
func infoSet(r *Rank, a args) *failure {
	i, f := a.realInfo(0)
	if f != nil {
		return f
	}
	key, f := a.infoKey(1)
	if f != nil {
		return f
	}
	value, f := a.getString(2, "value", maxInfoVal)
	if f != nil {
		f.class = errInfoValue
		return f
	}
	if len(i.keys) == maxInfoKeys {
		return failf(errNoMem, "more than %d keys in one info object", maxInfoKeys)
	}
	i.set(key, value)
	return nil
}

// lookup finds the key of argument 1 in the info of argument 0; j is negative if it is not there.
func (a args) lookup() (i *info, j int, f *failure) {
	if i, f = a.realInfo(0); f != nil {
		return nil, 0, f
	}
	key, f := a.infoKey(1)
	if f != nil {
		return nil, 0, f
	}
	return i, i.find(key), nil
}

// MPI_Info_delete(info, key)
func infoDelete(r *Rank, a args) *failure {
	i, j, f := a.lookup()
	if f != nil {
		return f
	}
	if j < 0 {
		return failf(errInfoNokey, "there is no such key")
	}
	i.keys = append(i.keys[:j:j], i.keys[j+1:]...)
	i.values = append(i.values[:j:j], i.values[j+1:]...)
	return nil
}

// MPI_Info_get(info, key, valuelen, value, *flag): at most valuelen characters and a zero.
func infoGet(r *Rank, a args) *failure {
	i, j, f := a.lookup()
	if f != nil {
		return f
	}
	if j >= 0 {
		n := int64(a.int(2))
		if n < 0 {
			return failf(errArg, "invalid length %d", n)
		}
		value := i.values[j][:min(int64(len(i.values[j])), n)]
		b, f := a.pointer(3, "value", int64(len(value)+1))
		if f != nil {
			return f
		}
		copy(b, value+"\x00")
	}
	return a.putFlag(4, "flag", j >= 0)
}

// MPI_Info_get_string(info, key, *buflen, value, *flag): buflen says what room there is and then what would be needed,
// both with the zero.
func infoGetString(r *Rank, a args) *failure {
	i, j, f := a.lookup()
	if f != nil {
		return f
	}
	room, f := a.getInt(2, "buflen")
	if f != nil {
		return f
	}
	if j >= 0 {
		value := i.values[j]
		if room > 0 {
			part := value[:min(len(value), int(room)-1)]
			b, f := a.pointer(3, "value", int64(len(part)+1))
			if f != nil {
				return f
			}
			copy(b, part+"\x00")
		}
		if f := a.putInt(2, "buflen", int32(len(value)+1)); f != nil {
			return f
		}
	}
	return a.putFlag(4, "flag", j >= 0)
}

// MPI_Info_get_valuelen(info, key, *valuelen, *flag)
func infoGetValuelen(r *Rank, a args) *failure {
	i, j, f := a.lookup()
	if f != nil {
		return f
	}
	if j >= 0 {
		if f := a.putInt(2, "valuelen", int32(len(i.values[j]))); f != nil {
			return f
		}
	}
	return a.putFlag(3, "flag", j >= 0)
}

// MPI_Info_get_nkeys(info, *nkeys)
func infoGetNkeys(r *Rank, a args) *failure {
	i, f := a.realInfo(0)
	if f != nil {
		return f
	}
	return a.putInt(1, "nkeys", int32(len(i.keys)))
}

// MPI_Info_get_nthkey(info, n, key)
func infoGetNthkey(r *Rank, a args) *failure {
	i, f := a.realInfo(0)
	if f != nil {
		return f
	}
	n := int(a.int(1))
	if n < 0 || n >= len(i.keys) {
		return failf(errArg, "key %d of %d", n, len(i.keys))
	}
	b, f := a.pointer(2, "key", int64(len(i.keys[n])+1))
	if f == nil {
		copy(b, i.keys[n]+"\x00")
	}
	return f
}
