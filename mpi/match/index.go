package match

import "slices"

// A pattern says which parts of a key are wildcards: bit 0 the source, bit 1 the tag.
const patterns = 4

func patternOf(k Key) int {
	p := 0
	if k.Source == AnySource {
		p |= 1
	}
	if k.Tag == AnyTag {
		p |= 2
	}
	return p
}

// as is the key with the pattern's wildcards.
func (k Key) as(pattern int) Key {
	if pattern&1 != 0 {
		k.Source = AnySource
	}
	if pattern&2 != 0 {
		k.Tag = AnyTag
	}
	return k
}

func (k Key) hash() uint64 {
	h := uint64(k.Context)<<32 ^ uint64(uint32(k.Source))*0x9e3779b97f4a7c15 ^ uint64(uint32(k.Tag))*0xc2b2ae3d27d4eb4f
	h ^= h >> 29
	h *= 0xbf58476d1ce4e5b9
	return h ^ h>>32
}

// none is no entry.
const none int32 = -1

// store holds entries in slots that are used again. A free slot has order 0 and is chained through free.
type store[V any] struct {
	keys   []Key
	order  []uint64
	values []V
	free   []int32
	used   int
}

func (s *store[V]) add(k Key, order uint64, v V) int32 {
	s.used++
	if n := len(s.free); n > 0 {
		e := s.free[n-1]
		s.free = s.free[:n-1]
		s.keys[e], s.order[e], s.values[e] = k, order, v
		return e
	}
	s.keys, s.order, s.values = append(s.keys, k), append(s.order, order), append(s.values, v)
	return int32(len(s.keys) - 1)
}

func (s *store[V]) remove(e int32) {
	var zero V
	s.order[e], s.values[e] = 0, zero
	s.free = append(s.free, e)
	s.used--
}

// index chains entries by the hash of their key under one pattern, each chain in order of arrival. Entries of
// different keys may share a chain; there are never fewer than half as many chains as entries.
type index struct {
	chains []link // first and last entry
	links  []link // next and previous, by entry
	used   int
}

type link struct{ next, prev int32 }

const firstChains = 16

func (x *index) append(e int32, hash uint64, keys []Key, order []uint64, pattern int) {
	if len(x.chains) == 0 {
		x.chains = emptyChains(firstChains)
	}
	for int(e) >= len(x.links) {
		x.links = append(x.links, link{none, none})
	}
	x.used++
	x.chain(e, hash)
	if x.used > 2*len(x.chains) {
		x.grow(keys, order, pattern)
	}
}

func (x *index) chain(e int32, hash uint64) {
	c := &x.chains[hash&uint64(len(x.chains)-1)]
	x.links[e] = link{next: none, prev: c.prev}
	if c.prev == none {
		c.next = e
	} else {
		x.links[c.prev].next = e
	}
	c.prev = e
}

// grow doubles the chains until they are long enough, keeping arrival order in each.
func (x *index) grow(keys []Key, order []uint64, pattern int) {
	entries := make([]int32, 0, x.used)
	for _, c := range x.chains {
		for e := c.next; e != none; e = x.links[e].next {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b int32) int {
		if order[a] < order[b] {
			return -1
		}
		return 1
	})
	x.chains = emptyChains(4 * len(x.chains))
	for _, e := range entries {
		x.chain(e, keys[e].as(pattern).hash())
	}
}

func emptyChains(n int) []link {
	chains := make([]link, n)
	for i := range chains {
		chains[i] = link{none, none}
	}
	return chains
}

func (x *index) remove(e int32, hash uint64) {
	x.used--
	l := x.links[e]
	c := &x.chains[hash&uint64(len(x.chains)-1)]
	if l.prev == none {
		c.next = l.next
	} else {
		x.links[l.prev].next = l.next
	}
	if l.next == none {
		c.prev = l.prev
	} else {
		x.links[l.next].prev = l.prev
	}
}

// find gives the first entry whose key under the pattern is k.
func (x *index) find(k Key, pattern int, keys []Key) int32 {
	if x.used == 0 {
		return none
	}
	for e := x.chains[k.hash()&uint64(len(x.chains)-1)].next; e != none; e = x.links[e].next {
		if keys[e].as(pattern) == k {
			return e
		}
	}
	return none
}
