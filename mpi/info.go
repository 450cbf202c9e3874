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

// environment is MPI_INFO_ENV.
func (r *Rank) environment() *info {
	i := &info{}
	i.set("host", r.world.config.Node)
	i.set("thread_level", map[int32]string{threadSingle: "MPI_THREAD_SINGLE", threadFunneled: "MPI_THREAD_FUNNELED",
		threadSerialized: "MPI_THREAD_SERIALIZED", threadMultiple: "MPI_THREAD_MULTIPLE"}[r.threadLevel])
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
func (r call) newInfo(out infoOut, i *info) *failure {
	if f := out.room(r, "info"); f != nil {
		return f
	}
	handle, ok := r.infos.add(kindInfo, i)
	if !ok {
		return failf(errNoMem, "more than %d info objects", maxObjects)
	}
	return out.put(r, "info", handle)
}

// MPI_Info_create(*info)
func infoCreate(r call, out infoOut) *failure { return r.newInfo(out, &info{}) }

// MPI_Info_create_env(argc, argv, *info)
func infoCreateEnv(r call, argc, argv ignored, out infoOut) *failure {
	return r.newInfo(out, r.environment().copy())
}

// MPI_Info_dup(info, *newinfo)
func infoDup(r call, info infoArg, newinfo infoOut) *failure {
	i, f := info.object(r)
	if f != nil {
		return f
	}
	return r.newInfo(newinfo, i.copy())
}

// MPI_Info_free(*info)
func infoFree(r call, info infoRef) *failure {
	handle, f := info.get(r, "info")
	if f != nil {
		return f
	}
	if r.infos.get(kindInfo, handle) == nil {
		return failf(errInfo, "%#x is no info object that can be freed", handle)
	}
	r.infos.remove(handle)
	return info.put(r, "info", infoNull)
}

// infoKey reads a key.
func (p stringIn) infoKey(r call) (string, *failure) {
	key, f := p.get(r, "key", maxInfoKey)
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
func infoSet(r call, info infoArg, key, value stringIn) *failure {
	i, f := info.object(r)
	if f != nil {
		return f
	}
	name, f := key.infoKey(r)
	if f != nil {
		return f
	}
	text, f := value.get(r, "value", maxInfoVal)
	if f != nil {
		f.class = errInfoValue
		return f
	}
	if len(i.keys) == maxInfoKeys {
		return failf(errNoMem, "more than %d keys in one info object", maxInfoKeys)
	}
	i.set(name, text)
	return nil
}

// lookup finds a key in an info object; j is negative if it is not there.
func (v infoArg) lookup(r call, name stringIn) (i *info, j int, f *failure) {
	if i, f = v.object(r); f != nil {
		return nil, 0, f
	}
	key, f := name.infoKey(r)
	if f != nil {
		return nil, 0, f
	}
	return i, i.find(key), nil
}

// MPI_Info_delete(info, key)
func infoDelete(r call, info infoArg, key stringIn) *failure {
	i, j, f := info.lookup(r, key)
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
func infoGet(r call, info infoArg, key stringIn, valuelen intArg, value stringOut, flag flagOut) *failure {
	i, j, f := info.lookup(r, key)
	if f != nil {
		return f
	}
	if j >= 0 {
		n := int64(valuelen.int())
		if n < 0 {
			return failf(errArg, "invalid length %d", n)
		}
		if f := value.putAll(r, "value", i.values[j][:min(int64(len(i.values[j])), n)]); f != nil {
			return f
		}
	}
	return flag.put(r, "flag", j >= 0)
}

// MPI_Info_get_string(info, key, *buflen, value, *flag): buflen says what room there is and then what would be needed,
// both with the zero.
func infoGetString(r call, info infoArg, key stringIn, buflen intRef, value stringOut, flag flagOut) *failure {
	i, j, f := info.lookup(r, key)
	if f != nil {
		return f
	}
	room, f := buflen.get(r, "buflen")
	if f != nil {
		return f
	}
	if j >= 0 {
		text := i.values[j]
		if room > 0 {
			if f := value.putAll(r, "value", text[:min(len(text), int(room)-1)]); f != nil {
				return f
			}
		}
		if f := buflen.put(r, "buflen", int32(len(text)+1)); f != nil {
			return f
		}
	}
	return flag.put(r, "flag", j >= 0)
}

// MPI_Info_get_valuelen(info, key, *valuelen, *flag)
func infoGetValuelen(r call, info infoArg, key stringIn, valuelen intOut, flag flagOut) *failure {
	i, j, f := info.lookup(r, key)
	if f != nil {
		return f
	}
	if j >= 0 {
		if f := valuelen.put(r, "valuelen", int32(len(i.values[j]))); f != nil {
			return f
		}
	}
	return flag.put(r, "flag", j >= 0)
}

// MPI_Info_get_nkeys(info, *nkeys)
func infoGetNkeys(r call, info infoArg, nkeys intOut) *failure {
	i, f := info.object(r)
	if f != nil {
		return f
	}
	return nkeys.put(r, "nkeys", int32(len(i.keys)))
}

// MPI_Info_get_nthkey(info, n, key)
func infoGetNthkey(r call, info infoArg, number intArg, key stringOut) *failure {
	i, f := info.object(r)
	if f != nil {
		return f
	}
	n := int(number.int())
	if n < 0 || n >= len(i.keys) {
		return failf(errArg, "key %d of %d", n, len(i.keys))
	}
	return key.putAll(r, "key", i.keys[n])
}
