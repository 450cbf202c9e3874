package omp

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/faasmrun/faasmrun/omp/guest"
)

// rank is a rank whose program is Go: function pointers are indices of functions here.
type rank struct {
	t         *testing.T
	memory    []byte
	grown     atomic.Uint64
	used      atomic.Uint64 // of what the program has to begin with
	functions []func(h *thread, args ...uint64)

	mu      sync.Mutex // guards all below
	changed *sync.Cond
	notice  map[uint64]int
	printed map[uint32]string // by descriptor
	waiting int
}

// thread is a thread of it.
type thread struct {
	*rank
	*Thread
}

func (h *thread) Bytes(address, size uint64) []byte { return h.memory[address:][:size] }

func (h *thread) Grow(size uint64) (uint64, bool) {
	size = (size + pageSize - 1) &^ (pageSize - 1)
	end := h.grown.Add(size)
	return end - size, end <= uint64(len(h.memory))
}

// room is memory of the program's own.
func (h *thread) room(size uint64) (address uint64) { return h.used.Add((size+63)&^63) - (size+63)&^63 }

func (h *thread) CallTable(function uint32, _ string, args ...uint64) error {
	h.mu.Lock()
	f := h.functions[function]
	h.mu.Unlock()
	f(h, args...)
	return nil
}

func (h *thread) Run(function uint32, params string, args ...uint64) error {
	return h.CallTable(function, params, args...)
}

func (h *thread) CallTableResult(function uint32, params string, args ...uint64) (int32, error) {
	return 0, h.CallTable(function, params, args...)
}

func (h *thread) RunResult(function uint32, params string, args ...uint64) (int32, error) {
	return 0, h.CallTable(function, params, args...)
}

func (h *thread) Wait(key uint64, word *atomic.Uint32, value uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting++
	defer func() { h.waiting-- }()
	for n := h.notice[key]; word.Load() == value && h.notice[key] == n; {
		h.changed.Wait()
	}
}

func (h *thread) Notify(key uint64, _ uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notice[key]++
	h.changed.Broadcast()
}

func (h *thread) Start(stack uint64, t *Thread) (scratch uint64, err error) {
	scratch, ok := h.Grow(stack + ScratchSize)
	if !ok {
		return 0, ErrNoRoom
	}
	other := &thread{h.rank, t}
	go func() {
		if err := t.Work(other); err != nil {
			h.t.Error(err)
		}
	}()
	return scratch, nil
}

func (h *thread) Print(descriptor uint32, text []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.printed[descriptor] += string(text)
}

// call calls a function of the runtime's by its name.
func (h *thread) call(name string, args ...uint64) uint64 {
	stack := append(args, 0, 0, 0, 0)
	byName[name](h.Thread, stack)
	return stack[0]
}

var byName = func() map[string]func(*Thread, []uint64) {
	all := map[string]func(*Thread, []uint64){}
	for _, c := range Calls() {
		all[c.Name] = c.Fn
	}
	return all
}()

func newRank(t *testing.T, threads, processors int) *thread {
	r := &rank{t: t, memory: make([]byte, 8<<20), notice: map[uint64]int{}, printed: map[uint32]string{}}
	r.grown.Store(1 << 20)
	r.used.Store(pageSize)
	r.changed = sync.NewCond(&r.mu)
	r.functions = make([]func(*thread, ...uint64), 1) // null is none
	env := []string{fmt.Sprint("OMP_NUM_THREADS=", threads), "OMP_STACKSIZE=32K", "OMP_MAX_ACTIVE_LEVELS=3"}
	h := &thread{rank: r}
	h.Thread = New(Config{Env: env, Processors: processors, Limit: 16}).Initial(h)
	return h
}

// parallel runs a region.
func (h *thread) parallel(body func(h *thread)) {
	h.mu.Lock()
	h.functions = append(h.functions, func(h *thread, args ...uint64) { body(h) })
	n := uint64(len(h.functions) - 1)
	h.mu.Unlock()
	h.call("__kmpc_fork_call", 0, 0, n, 0)
}

// teams runs a test with and without spinning, and with more threads than processors.
func teams(t *testing.T, test func(t *testing.T, h *thread, threads int)) {
	for _, c := range []struct{ threads, processors int }{{1, 2}, {2, 2}, {5, 1}, {4, 8}} {
		t.Run(fmt.Sprintf("%d on %d", c.threads, c.processors), func(t *testing.T) {
			test(t, newRank(t, c.threads, c.processors), c.threads)
		})
	}
}

const rounds = 200

// At a barrier nobody goes on before all have come, and a region ends behind all of its threads.
func TestBarriers(t *testing.T) {
	teams(t, func(t *testing.T, h *thread, threads int) {
		for range 20 {
			var came, ended atomic.Int32
			h.parallel(func(h *thread) {
				if int(h.call("omp_get_num_threads")) != threads {
					t.Errorf("a team of %d", h.region.team.size)
				}
				for i := range rounds {
					came.Add(1)
					h.barrier()
					if n := int(came.Load()); n < (i+1)*threads {
						t.Errorf("%d have come", n)
					}
					h.barrier()
				}
				ended.Add(1)
			})
			if int(ended.Load()) != threads {
				t.Fatalf("%d have ended", ended.Load())
			}
		}
	})
}

// Loops that are dealt out give each iteration to one thread, also where some threads are loops ahead.
func TestDispatch(t *testing.T) {
	const trips, loops = 50, 3 * openLoops
	teams(t, func(t *testing.T, h *thread, threads int) {
		for _, number := range []uint64{35, 36, 33, 34, 37} {
			var seen [loops][trips]atomic.Int32
			h.parallel(func(h *thread) {
				bounds := h.room(32)
				for l := range loops {
					h.call("__kmpc_dispatch_init_4", 0, 0, number, 10, 10+2*(trips-1), 2, 3)
					for h.call("__kmpc_dispatch_next_4", 0, 0, bounds, bounds+8, bounds+16, bounds+24) != 0 {
						first, last := h.number(bounds+8, 4), h.number(bounds+16, 4)
						for i := first; i <= last; i += 2 {
							seen[l][(i-10)/2].Add(1)
						}
						if end := h.number(bounds, 4) == 1; end != (last == 10+2*(trips-1)) {
							t.Errorf("up to %d, the last: %t", last, end)
						}
					}
				}
			})
			for l := range seen {
				for i := range seen[l] {
					if n := seen[l][i].Load(); n != 1 {
						t.Fatalf("schedule %d, loop %d: iteration %d %d times", number, l, i, n)
					}
				}
			}
		}
	})
}

// Ordered regions come in the order of iterations, also where some iterations have none.
func TestOrdered(t *testing.T) {
	const trips = 60
	teams(t, func(t *testing.T, h *thread, threads int) {
		for _, number := range []uint64{67, 68, 65, 66} {
			var got []uint64
			h.parallel(func(h *thread) {
				bounds := h.room(32)
				h.call("__kmpc_dispatch_init_8", 0, 0, number, 0, trips-1, 1, 4)
				for h.call("__kmpc_dispatch_next_8", 0, 0, bounds, bounds+8, bounds+16, bounds+24) != 0 {
					for i := h.number(bounds+8, 8); i <= h.number(bounds+16, 8); i++ {
						if i%3 > 0 {
							h.call("__kmpc_ordered", 0, 0)
							got = append(got, i)
							h.call("__kmpc_end_ordered", 0, 0)
						}
						h.call("__kmpc_dispatch_fini_8", 0, 0)
					}
				}
			})
			for i, n := range got {
				if want := uint64(i/2*3 + i%2 + 1); n != want || len(got) != trips*2/3 {
					t.Fatalf("schedule %d: %d", number, got)
				}
			}
		}
	})
}

// Critical sections, locks and nested locks let one thread in; single takes one thread.
func TestExclusion(t *testing.T) {
	teams(t, func(t *testing.T, h *thread, threads int) {
		word := h.room(48)
		counts := [4]int{}
		h.parallel(func(h *thread) {
			for range rounds {
				h.call("__kmpc_critical", 0, 0, word)
				counts[0]++
				h.call("__kmpc_end_critical", 0, 0, word)
				h.call("omp_set_lock", word+16)
				counts[1]++
				if h.call("omp_test_lock", word+16) != 0 {
					t.Error("a lock was set twice")
				}
				h.call("omp_unset_lock", word+16)
				h.call("omp_set_nest_lock", word+32)
				if n := h.call("omp_test_nest_lock", word+32); n != 2 {
					t.Errorf("a nested lock is set %d times", n)
				}
				counts[2]++
				h.call("omp_unset_nest_lock", word+32)
				h.call("omp_unset_nest_lock", word+32)
				if h.call("__kmpc_single", 0, 0) != 0 {
					counts[3]++
				}
				h.barrier()
			}
		})
		if want := [4]int{rounds * threads, rounds * threads, rounds * threads, rounds}; counts != want {
			t.Errorf("%d, not %d", counts, want)
		}
		if h.call("omp_test_nest_lock", word+32) != 1 {
			t.Error("a nested lock is not free")
		}
	})
}

// A reduction combines in the order of threads, and the others go on when it is through.
func TestReductions(t *testing.T) {
	teams(t, func(t *testing.T, h *thread, threads int) {
		h.functions = append(h.functions, func(h *thread, args ...uint64) {
			h.store(args[0], 8, h.number(args[0], 8)*10+h.number(args[1], 8))
		})
		want := uint64(0)
		for i := range threads {
			want = want*10 + uint64(i)
		}
		for _, end := range []string{"", "_nowait"} {
			shared := uint64(0)
			h.parallel(func(h *thread) {
				data := h.room(8)
				for i := range rounds {
					h.store(data, 8, uint64(h.region.number))
					if h.call("__kmpc_reduce"+end, 0, 0, 1, 8, data, 1, 0) != 0 {
						if shared = h.number(data, 8); shared != want {
							t.Errorf("%d, not %d", shared, want)
						}
						h.call("__kmpc_end_reduce"+end, 0, 0, 0)
					}
					if end == "" && shared != want {
						t.Errorf("round %d: a thread goes on before the value is there", i)
					}
				}
			})
		}
	})
}

// The data of copyprivate comes to all.
func TestCopyprivate(t *testing.T) {
	teams(t, func(t *testing.T, h *thread, threads int) {
		h.functions = append(h.functions, func(h *thread, args ...uint64) { h.store(args[0], 8, h.number(args[1], 8)) })
		h.parallel(func(h *thread) {
			data := h.room(8)
			for i := range uint64(rounds) {
				here := h.call("__kmpc_single", 0, 0)
				if here != 0 {
					h.store(data, 8, i)
				}
				h.call("__kmpc_copyprivate", 0, 0, 8, data, 1, here)
				if got := h.number(data, 8); got != i {
					t.Errorf("%d, not %d", got, i)
				}
			}
		})
	})
}

// Regions in regions have teams of their own, as many as there may be, and threads know where they are.
func TestNested(t *testing.T) {
	h := newRank(t, 2, 2)
	var leaves atomic.Int32
	h.parallel(func(h *thread) {
		outer := h.call("omp_get_thread_num")
		h.call("omp_set_num_threads", 3)
		h.parallel(func(h *thread) {
			if got := []uint64{h.call("omp_get_level"), h.call("omp_get_active_level"), h.call("omp_get_team_size", 1),
				h.call("omp_get_team_size", 2), h.call("omp_get_ancestor_thread_num", 1), h.call("omp_get_team_size", 3),
				h.call("omp_get_ancestor_thread_num", 0)}; fmt.Sprint(got) != fmt.Sprint([]uint64{2, 2, 2, 3, outer,
				1<<32 - 1, 0}) {
				t.Errorf("%d", got)
			}
			h.call("__kmpc_serialized_parallel", 0, 0)
			if h.call("omp_get_thread_num") != 0 || h.call("omp_get_level") != 3 || h.call("omp_in_parallel") != 1 {
				t.Error("a region of one thread is none")
			}
			h.call("__kmpc_end_serialized_parallel", 0, 0)
			h.parallel(func(h *thread) {
				h.parallel(func(h *thread) { leaves.Add(1) }) // beyond the active levels
			})
		})
	})
	if n := leaves.Load(); n < 6 || n > 18 {
		t.Errorf("%d leaves", n)
	}
	if h.runtime.inUse != 0 || h.call("omp_get_level") != 0 {
		t.Errorf("%d of the pool are in use", h.runtime.inUse)
	}
}

// A loop whose iterations wait for others gives each its turn, in several dimensions and in both directions.
func TestDoacross(t *testing.T) {
	teams(t, func(t *testing.T, h *thread, threads int) {
		const rows, columns = 60, 90
		h.parallel(func(h *thread) {
			bounds, point := h.room(48), h.room(16)
			for i, v := range []int64{10, 10 + rows - 1, 1, 2 * (columns - 1), 0, -2} {
				h.store(bounds+8*uint64(i), 8, uint64(v))
			}
			at := func(call string, row, column int) {
				h.store(point, 8, uint64(10+row))
				h.store(point+8, 8, uint64(2*(columns-1-column)))
				h.call(call, 0, 0, point)
			}
			for range 3 {
				var done *[rows][columns]atomic.Bool
				if h.call("__kmpc_single", 0, 0) != 0 {
					grid.Store(&[rows][columns]atomic.Bool{})
				}
				h.barrier()
				done = grid.Load()
				h.call("__kmpc_doacross_init", 0, 0, 2, bounds)
				for row := h.region.number; row < rows; row += threads {
					for column := range columns {
						at("__kmpc_doacross_wait", row-1, column)
						at("__kmpc_doacross_wait", row, column-1)
						if row > 0 && !done[row-1][column].Load() || column > 0 && !done[row][column-1].Load() {
							t.Errorf("%d, %d is early", row, column)
						}
						done[row][column].Store(true)
						at("__kmpc_doacross_post", row, column)
					}
				}
				h.call("__kmpc_doacross_fini", 0, 0)
			}
		})
		if n := len(h.region.child.across); n != 0 {
			t.Errorf("%d loops are left", n)
		}
	})
}

var grid atomic.Pointer[[60][90]atomic.Bool]

// What was cancelled is left by all, at a barrier; and nothing is, where OMP_CANCELLATION does not say so.
func TestCancellation(t *testing.T) {
	teams(t, func(t *testing.T, h *thread, threads int) {
		for _, on := range []bool{false, true} {
			h.runtime.settings.Cancellation = on
			for what := uint64(cancelParallel); what <= cancelSections; what++ {
				h.parallel(func(h *thread) {
					for range 3 {
						h.call("__kmpc_dispatch_init_4", 0, 0, 35, 0, 100, 1, 1)
						if h.region.number == 0 {
							if h.call("__kmpc_cancel", 0, 0, what) != truthOf(on) {
								t.Errorf("%d is cancelled: %t", what, !on)
							}
							if h.call("__kmpc_cancellationpoint", 0, 0, what) != truthOf(on) {
								t.Errorf("%d is not cancelled", what)
							}
							if h.call("__kmpc_cancellationpoint", 0, 0, what+1) != 0 {
								t.Errorf("%d is cancelled instead of %d", what+1, what)
							}
						}
						if h.call("__kmpc_cancel_barrier", 0, 0) != truthOf(on) {
							t.Errorf("%d ends for some", what)
						}
						if what == cancelParallel && on {
							return
						}
						if h.call("__kmpc_cancel_barrier", 0, 0) != 0 {
							t.Errorf("%d goes on to be cancelled", what)
						}
					}
				})
			}
			ran := 0
			h.alone(func(h *thread) {
				h.call("__kmpc_taskgroup", 0, 0)
				for range 5 {
					h.spawn(func(h *thread) { ran++ })
				}
				h.call("__kmpc_cancel", 0, 0, cancelTaskgroup)
				h.spawn(func(h *thread) { ran++ })
				if h.call("__kmpc_cancellationpoint", 0, 0, cancelTaskgroup) != truthOf(on) {
					t.Error("a cancelled taskgroup")
				}
				h.call("__kmpc_end_taskgroup", 0, 0)
			})
			if want := map[bool]int{true: 0, false: 6}[on]; ran != want && !(threads == 1 && on && ran == 5) {
				t.Errorf("%d tasks of a taskgroup have run", ran)
			}
		}
	})
}

// A league's teams begin with a thread each that is in no region, share out loops and have teams of their own.
func TestTeams(t *testing.T) {
	h := newRank(t, 2, 2)
	var seen [40]atomic.Int32
	var inner, initial atomic.Int32
	body := h.function(func(h *thread, args ...uint64) {
		initial.Add(1)
		if h.call("omp_get_num_teams") != 3 || h.call("omp_get_level") != 0 || h.call("omp_get_num_threads") != 1 ||
			h.call("omp_get_thread_num") != 0 || h.call("omp_in_parallel") != 0 || h.call("omp_get_thread_limit") != 2 {
			t.Errorf("team %d of %d, level %d", h.call("omp_get_team_num"), h.call("omp_get_num_teams"),
				h.call("omp_get_level"))
		}
		bounds := h.room(32)
		h.store(bounds+8, 4, 39)
		h.call("__kmpc_for_static_init_4", 0, 0, 92, bounds+24, bounds, bounds+8, bounds+16, 1, 1)
		for i := h.number(bounds, 4); i <= h.number(bounds+8, 4); i++ {
			seen[i].Add(1)
		}
		h.call("omp_set_num_threads", 7)
		team := h.call("omp_get_team_num")
		h.parallel(func(h *thread) {
			inner.Add(1)
			if h.call("omp_get_level") != 1 || h.call("omp_get_num_threads") != 2 || h.call("omp_get_team_num") != team ||
				h.call("omp_get_ancestor_thread_num", 0) != 0 {
				t.Errorf("a team of %d in team %d", h.call("omp_get_num_threads"), h.call("omp_get_team_num"))
			}
		})
	})
	for range 3 {
		h.call("__kmpc_push_num_teams_51", 0, 0, 3, 3, 2)
		h.call("__kmpc_fork_teams", 0, 0, body, 0)
	}
	if inner.Load() != 18 || initial.Load() != 9 || h.call("omp_get_num_teams") != 1 || h.call("omp_get_team_num") != 0 {
		t.Errorf("%d threads of teams, %d initial ones", inner.Load(), initial.Load())
	}
	for i := range seen {
		if seen[i].Load() != 3 {
			t.Errorf("iteration %d %d times", i, seen[i].Load())
		}
	}
	if h.runtime.inUse != 0 || h.region.team.parent != nil || h.task != &h.region.implicit {
		t.Error("a thread is left in a league")
	}
}

// Allocators give memory that is aligned and nobody else's, within their pools, and what they are to give beyond.
func TestAllocators(t *testing.T) {
	h := newRank(t, 2, 2)
	traits := h.room(64)
	make := func(pairs ...uint64) uint64 {
		for i := 0; i < len(pairs); i += 2 {
			h.store(traits+8*uint64(i), 4, pairs[i])
			h.store(traits+8*uint64(i)+8, 8, pairs[i+1])
		}
		return h.call("omp_init_allocator", 0, uint64(len(pairs)/2), traits)
	}
	if make(traitAlignment, 3) != 0 || make(99, 1) != 0 || make(traitFallback, 3) != 0 ||
		h.call("omp_init_allocator", 9, 0, 0) != 0 {
		t.Error("traits that make no sense are taken")
	}
	null := make(traitPoolSize, 1000, traitFallback, fallbackNull, traitAlignment, 256)
	a, b := h.call("omp_alloc", 600, null), h.call("omp_alloc", 300, null)
	if a == 0 || b == 0 || a%256 != 0 || b%256 != 0 || a < b+300 && b < a+600 || h.call("omp_alloc", 200, null) != 0 {
		t.Errorf("%#x and %#x", a, b)
	}
	h.call("omp_free", a, null)
	if h.call("omp_alloc", 200, null) == 0 || h.call("omp_alloc", 0, null) != 0 {
		t.Error("what was freed is not there")
	}
	other := make(traitPoolSize, 8, traitFallback, fallbackAllocator, traitOther, null)
	if at := h.call("omp_alloc", 400, other); at == 0 || at%256 != 0 || h.call("omp_alloc", 400, other) != 0 {
		t.Errorf("of another allocator: %#x", at)
	}
	if at := h.call("omp_alloc", 400, make(traitPoolSize, 8)); at == 0 {
		t.Error("the default allocator is not asked")
	}
	circle := make(traitPoolSize, 8, traitFallback, fallbackAllocator, traitOther, other+2)
	if h.call("omp_alloc", 400, circle) != 0 {
		t.Error("an allocator that asks itself")
	}
	at := h.call("omp_calloc", 10, 10, 0)
	for i := range uint64(100) {
		if h.Bytes(at+i, 1)[0] != 0 {
			t.Fatal("not zeroed")
		}
		h.Bytes(at+i, 1)[0] = byte(i)
	}
	at = h.call("omp_realloc", at, 5000, 0, 0)
	for i := range uint64(100) {
		if h.Bytes(at+i, 1)[0] != byte(i) {
			t.Fatal("not what was there before")
		}
	}
	if h.call("omp_realloc", at, 0, 0, 0) != 0 || h.call("omp_calloc", 1<<33, 1<<33, 0) != 0 || h.call("omp_alloc", 1<<50,
		0) != 0 || h.call("omp_aligned_alloc", 48, 8, 0) != 0 || h.call("omp_aligned_alloc", 4096, 8, 0)%4096 != 0 {
		t.Error("sizes and alignments")
	}
	h.call("omp_set_default_allocator", null)
	if at := h.call("omp_alloc", 1, 0); h.call("omp_get_default_allocator") != null || at%256 != 0 {
		t.Error("a default allocator that was set")
	}
	for _, c := range []struct {
		want string
		call func()
	}{
		{"which no allocator has given", func() { h.call("omp_free", 4711, 0) }},
		{"no allocator 0x2710", func() { h.call("omp_alloc", 8, 10000) }},
		{"is to abort", func() { h.call("omp_alloc", 9, make(traitPoolSize, 8, traitFallback, fallbackAbort)) }},
	} {
		func() {
			defer func() {
				if err, _ := recover().(*Error); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, not %s", err, c.want)
				}
			}()
			c.call()
		}()
	}
}

// Memory that has no room for a stack ends the rank, with what to do about it.
func TestNoRoomForStacks(t *testing.T) {
	h := newRank(t, 16, 2)
	h.grown.Store(uint64(len(h.memory)) - 3*pageSize)
	defer func() {
		var fault *Error
		if err, _ := recover().(error); !errors.As(err, &fault) || !strings.Contains(err.Error(),
			"a parallel region of 16 threads: the rank's memory has no room for the stack of thread") ||
			!strings.Contains(err.Error(), "OMP_NUM_THREADS") {
			t.Errorf("%v", err)
		}
	}()
	h.parallel(func(*thread) {})
}

// The calls take what the headers say.
func TestCallsAndHeaders(t *testing.T) {
	declared := map[string]string{}
	line := regexp.MustCompile(`(?m)^(OMP|KMPC)_CALL\((.+?), (\w+), \((.*)\)\)$`)
	for _, m := range line.FindAllStringSubmatch(guest.Header+guest.Runtime, -1) {
		params := ""
		for _, p := range strings.Split(m[4], ",") {
			params += letterOf(strings.TrimSpace(p))
		}
		name := map[string]string{"OMP": "omp_", "KMPC": "__kmpc_"}[m[1]] + m[3]
		declared[name] = params + ":" + letterOf(m[2])
	}
	declared["__kmpc_fork_call"] = "lill:"
	declared["__kmpc_fork_teams"] = "lill:"
	for _, c := range Calls() {
		if got := c.Params + ":" + c.Results; got != declared[c.Name] {
			t.Errorf("%s takes %s, declared is %s", c.Name, got, declared[c.Name])
		}
	}
	if len(declared) < 190 {
		t.Errorf("%d functions are declared?", len(declared))
	}
}

func letterOf(c string) string {
	switch word := strings.Fields(c)[0]; {
	case strings.Contains(c, "*"), strings.HasPrefix(c, "int64"), strings.HasPrefix(c, "uint64"), word == "size_t",
		word == "omp_interop_t", word == "omp_intptr_t", strings.HasSuffix(word, "_handle_t"):
		return "l"
	case word == "void":
		return ""
	case word == "double":
		return "d"
	}
	return "i"
}

func BenchmarkForkAndBarrier(b *testing.B) {
	h := newRank(&testing.T{}, 2, runtime.NumCPU())
	h.parallel(func(h *thread) {})
	b.Run("fork", func(b *testing.B) {
		for b.Loop() {
			h.call("__kmpc_fork_call", 0, 0, 1, 0)
		}
	})
	b.Run("barrier", func(b *testing.B) {
		h.parallel(func(h *thread) {
			for range b.N {
				h.barrier()
			}
		})
	})
}

// A thread that was woken counts as awake before it runs: who woke it may spin for what it is to do. Else both parked
// in every region once one of them had.
func TestWokenCountAsAwake(t *testing.T) {
	h := newRank(t, 2, 2)
	var w word
	other, done := newSleeper(h, &w, 0)
	<-other.slept
	if n := h.runtime.awake.Load(); n != 1 {
		t.Errorf("%d threads are awake while one of two sleeps", n)
	}
	h.advance(&w)
	if n := h.runtime.awake.Load(); n != 2 {
		t.Errorf("%d threads are awake once it was woken, want 2", n)
	}
	other.held <- struct{}{}
	<-done
	if n := h.runtime.awake.Load(); n != 2 {
		t.Errorf("%d threads are awake once it runs, want 2", n)
	}
}

// A thread is slow to wake those that slept when it changed a word. One that falls asleep for the word's next change
// meanwhile wakes in vain, and that change has to wake it once more. Who wakes one wakes one, and counts one.
func TestWokenInVain(t *testing.T) {
	h := newRank(t, 2, 2)
	var w word
	w.value.Store(1) // changed by the thread that is slow
	other, done := newSleeper(h, &w, 1)
	<-other.slept
	h.wake(&w, math.MaxInt32)
	other.held <- struct{}{}
	<-other.slept
	check := func(when string, awake, woken int32) {
		if a, n := h.runtime.awake.Load(), w.woken; a != awake || n != woken {
			t.Errorf("%s %d threads are awake, %d of them to run, want %d and %d", when, a, n, awake, woken)
		}
	}
	check("asleep once more,", 1, 0)
	noticed := h.notice[w.key()]
	h.advanceForOne(&w)
	if h.notice[w.key()] == noticed {
		t.Error("the next change wakes nobody")
	}
	check("woken,", 2, 1)
	h.advanceForOne(&w)
	check("woken by two,", 2, 1)
	other.held <- struct{}{}
	<-done
	check("it runs,", 2, 0)
	if n := w.sleepers.Load(); n != 0 {
		t.Errorf("%d threads sleep, want none", n)
	}
}

// sleeper is a thread that says when it sleeps, and then sleeps until it is told to go on.
type sleeper struct {
	*thread
	slept, held chan struct{}
}

// newSleeper is the second of two threads, and waits on a word.
func newSleeper(h *thread, w *word, old uint32) (s *sleeper, done chan struct{}) {
	s = &sleeper{thread: &thread{rank: h.rank}, slept: make(chan struct{}), held: make(chan struct{})}
	s.thread.Thread = h.runtime.newThread()
	s.thread.Thread.host = s
	s.spinning = 0
	h.runtime.awake.Store(2)
	done = make(chan struct{})
	go func() {
		defer close(done)
		s.await(w, old)
	}()
	return s, done
}

func (s *sleeper) Wait(uint64, *atomic.Uint32, uint32) {
	s.slept <- struct{}{}
	<-s.held
}

// Stacks are as large as asked for; by default as main's, but smaller in large teams, and where there is no room.
func TestStackSizes(t *testing.T) {
	for _, c := range []struct {
		env  string
		size int
		room uint64 // of the memory for stacks
		want string
	}{
		{"", 2, 1 << 30, "[8192]"}, {"", 64, 1 << 30, "[8192 8192 8192]"}, {"", 128, 1 << 30, "[4096 4096 4096]"},
		{"", 512, 1 << 30, "[1024 1024 1024]"}, {"", 4, 20 << 20, "[8192 8192 1024]"},
		{"OMP_STACKSIZE=2M", 512, 1 << 40, "[2048 2048 2048]"},
	} {
		s, _ := Environment([]string{c.env}, 2, 1024)
		h := &stacksOnly{thread: newRank(t, 2, 2), room: c.room}
		h.runtime.settings = s
		h.Thread.host = h
		for range min(c.size-1, 3) { // they are all alike
			h.startThread(h.runtime.newThread(), c.size)
		}
		if got := fmt.Sprint(h.sizes); got != c.want {
			t.Errorf("%q, %d threads: %s KiB, want %s", c.env, c.size, got, c.want)
		}
	}
}

// stacksOnly is a host that starts no thread, and notes what stacks it was asked for and had room for.
type stacksOnly struct {
	*thread
	room  uint64
	sizes []uint64 // KiB
}

func (h *stacksOnly) Start(stack uint64, _ *Thread) (scratch uint64, err error) {
	if stack > h.room {
		return 0, ErrNoRoom
	}
	h.room -= stack
	h.sizes = append(h.sizes, stack>>10)
	return pageSize, nil
}
