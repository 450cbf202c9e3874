package match

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// model is the reference: two lists, searched from the front.
type model struct {
	posted, unexpected []modelEntry
}

type modelEntry struct {
	key   Key
	value int
}

func accepts(receive, message Key) bool {
	return receive.Context == message.Context &&
		(receive.Source == AnySource || receive.Source == message.Source) &&
		(receive.Tag == AnyTag || receive.Tag == message.Tag)
}

func (m *model) arrive(k Key) (int, bool) {
	for i, p := range m.posted {
		if accepts(p.key, k) {
			m.posted = append(m.posted[:i:i], m.posted[i+1:]...)
			return p.value, true
		}
	}
	return 0, false
}

func (m *model) peek(k Key) (int, bool) {
	for i, u := range m.unexpected {
		if accepts(k, u.key) {
			return i, true
		}
	}
	return 0, false
}

// TestQueueAgainstModel plays random receives, messages, probes and cancels at the queue and at the model.
func TestQueueAgainstModel(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var q Queue[int, int]
		var m model
		ids := map[int]ID{}
		tags, sources, contexts := 1+rng.IntN(20), 1+rng.IntN(10), 1+rng.IntN(3)
		bias := rng.IntN(100) // how often a message rather than a receive
		for step := range 1500 {
			k := Key{uint32(rng.IntN(contexts)), Rank(rng.IntN(sources)), int32(rng.IntN(tags))}
			if rng.IntN(100) < bias {
				got, found := q.Arrive(k)
				want, wanted := m.arrive(k)
				if got != want || found != wanted {
					t.Fatalf("seed %d step %d: message %v matched receive %d %v, want %d %v", seed, step, k, got, found, want, wanted)
				}
				if !found {
					q.Add(k, step)
					m.unexpected = append(m.unexpected, modelEntry{k, step})
				}
				continue
			}
			if n := len(m.unexpected); n > 0 && rng.IntN(10) == 0 {
				victim := m.unexpected[rng.IntN(n)]
				is := func(v int) bool { return v == victim.value }
				if !q.Withdraw(victim.key, is) || q.Withdraw(victim.key, is) {
					t.Fatalf("seed %d step %d: withdrawal of %d", seed, step, victim.value)
				}
				m.unexpected = slices.DeleteFunc(m.unexpected, func(e modelEntry) bool { return is(e.value) })
				checkOrder(t, &q, &m)
			}
			if rng.IntN(4) == 0 {
				k.Source = AnySource
			}
			if rng.IntN(4) == 0 {
				k.Tag = AnyTag
			}
			checkPeek(t, &q, &m, k)
			switch i, wanted := m.peek(k); {
			case rng.IntN(10) == 0 && len(m.posted) > 0:
				victim := rng.IntN(len(m.posted))
				v := m.posted[victim].value
				m.posted = append(m.posted[:victim:victim], m.posted[victim+1:]...)
				if !q.Cancel(ids[v]) || q.Cancel(ids[v]) {
					t.Fatalf("seed %d step %d: cancel of %d", seed, step, v)
				}
			case wanted:
				got, from, found := q.Take(k)
				if !found || got != m.unexpected[i].value || from != m.unexpected[i].key {
					t.Fatalf("seed %d step %d: receive %v took %d %v", seed, step, k, got, found)
				}
				m.unexpected = append(m.unexpected[:i:i], m.unexpected[i+1:]...)
			default:
				if _, _, found := q.Take(k); found {
					t.Fatalf("seed %d step %d: receive %v took a message that is not there", seed, step, k)
				}
				ids[step] = q.Post(k, step)
				m.posted = append(m.posted, modelEntry{k, step})
			}
			if p, u := q.Len(); p != len(m.posted) || u != len(m.unexpected) {
				t.Fatalf("seed %d step %d: %d receives and %d messages wait, want %d and %d", seed, step, p, u, len(m.posted),
					len(m.unexpected))
			}
			if step%50 == 0 {
				checkOrder(t, &q, &m)
			}
		}
	}
}

// checkOrder sees that the queue lists what waits in its order.
func checkOrder(t *testing.T, q *Queue[int, int], m *model) {
	t.Helper()
	var posted, unexpected []modelEntry
	q.Posted(func(k Key, v int) { posted = append(posted, modelEntry{k, v}) })
	q.Unexpected(func(k Key, v int) { unexpected = append(unexpected, modelEntry{k, v}) })
	if !slices.Equal(posted, m.posted) || !slices.Equal(unexpected, m.unexpected) {
		t.Fatalf("the receives %v and the messages %v wait, want %v and %v", posted, unexpected, m.posted, m.unexpected)
	}
}

func checkPeek(t *testing.T, q *Queue[int, int], m *model, k Key) {
	t.Helper()
	got, from, found := q.Peek(k)
	i, wanted := m.peek(k)
	if found != wanted || found && (got != m.unexpected[i].value || from != m.unexpected[i].key) {
		t.Fatalf("peek %v: %d %v %v, want %v", k, got, from, found, wanted)
	}
}

// A cancelled receive's slot is used again; its old ID must not reach the new receive.
func TestCancelOfReusedSlot(t *testing.T) {
	var q Queue[int, int]
	k := Key{1, 2, 3}
	old := q.Post(k, 1)
	q.Cancel(old)
	q.Post(k, 2)
	if q.Cancel(old) {
		t.Error("an old ID cancelled a new receive")
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	var q Queue[int, int]
	k := Key{1, 2, 3}
	if n := testing.AllocsPerRun(1000, func() {
		q.Post(k, 1)
		q.Arrive(k)
		q.Add(k, 2)
		q.Take(Key{1, AnySource, AnyTag})
		for range 40 {
			q.Post(k, 1)
			q.Add(k, 2)
		}
		q.Post(Key{1, 2, 4}, 1)
		q.Add(Key{1, 2, 4}, 2)
		for range 41 {
			q.Arrive(Key{1, 2, 3 + int32(q.posted.used%2)})
			q.Take(Key{1, AnySource, AnyTag})
		}
		for q.posted.used > 0 {
			q.Arrive(k)
			q.Arrive(Key{1, 2, 4})
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkTake takes and adds a message while n others, all of other tags, wait unexpected.
func BenchmarkTake(b *testing.B) {
	for _, n := range []int{0, 100, 10000} {
		for name, k := range map[string]Key{"exact": {1, 2, -7}, "any": {1, AnySource, -7}} {
			b.Run(name+"-"+itoa(n), func(b *testing.B) {
				var q Queue[int, int]
				for i := range n {
					q.Add(Key{1, Rank(i % 16), int32(i)}, i)
				}
				b.ReportAllocs()
				for b.Loop() {
					q.Add(Key{1, 2, -7}, 0)
					q.Take(k)
				}
			})
		}
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}
