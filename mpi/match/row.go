package match

// row is entries of one key, in order: a ring. Programs mostly post many receives of one key, or none that differs, and
// then nothing has to be looked for.
type row[V any] struct {
	key     Key          // of all entries
	entries []ordered[V] // as many as a power of two
	first   int
	used    int
}

type ordered[V any] struct {
	order uint64
	value V
}

const firstRow = 16

// takes reports whether an entry of this key can be in the row.
func (w *row[V]) takes(k Key) bool { return w.used == 0 || w.key == k }

func (w *row[V]) at(i int) *ordered[V] { return &w.entries[(w.first+i)&(len(w.entries)-1)] }

func (w *row[V]) push(k Key, order uint64, v V) {
	if w.used == len(w.entries) {
		w.grow()
	}
	w.key = k
	w.used++
	*w.at(w.used - 1) = ordered[V]{order, v}
}

func (w *row[V]) grow() {
	entries := make([]ordered[V], max(firstRow, 2*len(w.entries)))
	for i := range w.used {
		entries[i] = *w.at(i)
	}
	w.entries, w.first = entries, 0
}

// pop removes the first entry. There must be one.
func (w *row[V]) pop() ordered[V] {
	p := w.at(0)
	e := *p
	*p = ordered[V]{}
	w.first++
	w.used--
	return e
}

// remove removes the first entry for which is gives true, and reports whether there was one.
func (w *row[V]) remove(is func(order uint64, v V) bool) bool {
	for i := range w.used {
		if e := w.at(i); !is(e.order, e.value) {
			continue
		}
		for ; i > 0; i-- {
			*w.at(i) = *w.at(i - 1)
		}
		w.pop()
		return true
	}
	return false
}
