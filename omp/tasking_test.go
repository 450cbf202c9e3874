package omp

import (
	"encoding/binary"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// function makes a pointer of a function.
func (h *thread) function(f func(h *thread, args ...uint64)) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.functions = append(h.functions, f)
	return uint64(len(h.functions) - 1)
}

// newTask allocates a task, whose code gets its address.
func (h *thread) allocTask(flags taskFlags, code func(h *thread, task uint64)) (task uint64) {
	entry := h.function(func(h *thread, args ...uint64) { code(h, args[1]) })
	return h.call("__kmpc_omp_task_alloc", 0, 0, uint64(flags), taskHead+24, 16, entry)
}

// spawn generates a tied task.
func (h *thread) spawn(code func(h *thread)) {
	h.call("__kmpc_omp_task", 0, 0, h.allocTask(taskTied, func(h *thread, _ uint64) { code(h) }))
}

// depending generates one with dependences: kinds by clang's flags, and addresses.
func (h *thread) depending(code func(h *thread), dependences ...uint64) {
	h.call("__kmpc_omp_task_with_deps", 0, 0, h.allocTask(taskTied, func(h *thread, _ uint64) { code(h) }),
		uint64(len(dependences)/2), h.list(dependences), 0, 0)
}

func (h *thread) list(dependences []uint64) (address uint64) {
	address = h.room(uint64(len(dependences)) * dependSize / 2)
	for i := 0; i < len(dependences); i += 2 {
		at := h.Bytes(address+uint64(i)/2*dependSize, dependSize)
		binary.LittleEndian.PutUint64(at, dependences[i+1])
		at[16] = byte(dependences[i])
	}
	return address
}

// single runs a region whose first thread generates tasks, while the others are at its end, or at a barrier.
func (h *thread) single(code func(h *thread)) {
	for _, barrier := range []bool{false, true} {
		h.parallel(func(h *thread) {
			if h.region.number == 0 {
				code(h)
			}
			if barrier {
				h.barrier()
			}
		})
	}
}

// alone runs a region whose first thread generates tasks and runs them itself: the others are busy until it has.
func (h *thread) alone(code func(h *thread)) {
	through := make(chan bool)
	h.parallel(func(h *thread) {
		if h.region.number > 0 {
			<-through
			return
		}
		defer close(through)
		code(h)
		h.call("__kmpc_omp_taskwait", 0, 0)
	})
}

// checkQuiet holds that nothing of a region's tasks is left.
func (h *thread) checkQuiet() {
	h.t.Helper()
	tm := h.region.child
	if h.task != &h.region.implicit || tm.queued.Load() != 0 || tasksIn(tm.state.Load()) != 0 {
		h.t.Errorf("%d tasks are queued, the state is %#x", tm.queued.Load(), tm.state.Load())
	}
	for i := range tm.members {
		if k := &tm.members[i].implicit; k.children.Load() != 0 || k.users.Load() != 1 {
			h.t.Errorf("member %d has %d children and %d users", i, k.children.Load(), k.users.Load())
		}
	}
}

// A region and a barrier end when all tasks are complete, those of tasks too, and taskwait waits for a task's own.
func TestTasks(t *testing.T) {
	teams(t, func(t *testing.T, h *thread, threads int) {
		var leaves atomic.Int64
		var grow func(h *thread, depth int)
		grow = func(h *thread, depth int) {
			if depth == 0 {
				leaves.Add(1)
				return
			}
			var own atomic.Int32
			for range 3 {
				h.spawn(func(h *thread) {
					own.Add(1)
					grow(h, depth-1)
					if h.call("omp_in_explicit_task") == 0 || h.task.depth == 0 {
						t.Error("a task is none")
					}
				})
			}
			if depth%2 == 0 {
				h.call("__kmpc_omp_taskwait", 0, 0)
				if own.Load() != 3 {
					t.Errorf("taskwait: %d", own.Load())
				}
			}
		}
		for range 5 {
			leaves.Store(0)
			h.single(func(h *thread) { grow(h, 6) })
			if n := leaves.Load(); n != 2*3*3*3*3*3*3 {
				t.Fatalf("%d leaves", n)
			}
			h.checkQuiet()
		}
	})
}

// Each thread of a team generates tasks at once, and any may run them.
func TestTasksOfAll(t *testing.T) {
	teams(t, func(t *testing.T, h *thread, threads int) {
		var ran atomic.Int32
		h.parallel(func(h *thread) {
			for range rounds {
				h.spawn(func(h *thread) { ran.Add(1) })
			}
			h.barrier()
			if n := int(ran.Load()); n < rounds*threads {
				t.Errorf("behind a barrier %d tasks have run", n)
			}
			h.spawn(func(h *thread) { ran.Add(1) })
		})
		if n := int(ran.Load()); n != (rounds+1)*threads {
			t.Errorf("%d tasks have run", n)
		}
		h.checkQuiet()
	})
}

// Tasks that depend on each other run in their order; readers of one location may run at once.
func TestDependentTasks(t *testing.T) {
	teams(t, func(t *testing.T, h *thread, threads int) {
		var order []int
		var readers, inside atomic.Int32
		h.single(func(h *thread) {
			order = nil
			for i := range rounds {
				h.depending(func(h *thread) { order = append(order, i) }, dependInOut, 64)
				h.depending(func(h *thread) { readers.Add(1) }, dependIn, 128, dependIn, 64)
				h.depending(func(h *thread) {
					if inside.Add(1) > 1 {
						t.Error("two exclude each other and run at once")
					}
					inside.Add(-1)
				}, dependMutex, 192)
			}
			h.call("__kmpc_omp_wait_deps", 0, 0, 1, h.list([]uint64{dependIn, 64}), 0, 0)
			if len(order) != rounds || !slices.IsSorted(order) {
				t.Errorf("%d in the order %d", len(order), order)
			}
			h.call("__kmpc_omp_taskwait", 0, 0)
		})
		if n := readers.Load(); n != 2*rounds {
			t.Errorf("%d readers", n)
		}
		h.checkQuiet()
	})
}

// A taskgroup waits for the tasks of tasks, too; a task reduction combines what all threads have.
func TestTaskgroups(t *testing.T) {
	teams(t, func(t *testing.T, h *thread, threads int) {
		add := h.function(func(h *thread, args ...uint64) {
			h.store(args[0], 8, h.number(args[0], 8)+h.number(args[1], 8))
		})
		begin := h.function(func(h *thread, args ...uint64) { h.store(args[0], 8, 0) })
		var ended atomic.Int32
		end := h.function(func(h *thread, args ...uint64) { ended.Add(1) })
		variable := h.room(8)
		list := h.room(taskRedForm.size)
		for i, v := range []uint64{variable, variable, 8, begin, end, add} {
			h.store(list+8*uint64(i), 8, v)
		}
		h.single(func(h *thread) {
			h.store(variable, 8, 5)
			h.call("__kmpc_taskgroup", 0, 0)
			group := h.call("__kmpc_taskred_init", 0, 1, list)
			var ran atomic.Int32
			for i := range uint64(100) {
				h.spawn(func(h *thread) {
					h.spawn(func(h *thread) {
						own := h.call("__kmpc_task_reduction_get_th_data", 0, group*(i%2), variable)
						if again := h.call("__kmpc_task_reduction_get_th_data", 0, 0, own); again != own {
							t.Errorf("the copy %#x is that of %#x", again, own)
						}
						h.store(own, 8, h.number(own, 8)+i)
						ran.Add(1)
					})
				})
			}
			h.call("__kmpc_end_taskgroup", 0, 0)
			if got := h.number(variable, 8); ran.Load() != 100 || got != 5+99*50 {
				t.Errorf("%d tasks have run, the sum is %d", ran.Load(), got)
			}
			if h.task.group != nil {
				t.Error("there is a taskgroup still")
			}
		})
		if n := int(ended.Load()); threads == 1 && n != 0 || n > 2*threads {
			t.Errorf("%d copies have ended", n)
		}
		h.checkQuiet()
	})
}

// With the task modifier all threads reduce by taskgroups of their own into one set of copies, which the last
// combines.
func TestReductionWithTasks(t *testing.T) {
	teams(t, func(t *testing.T, h *thread, threads int) {
		add := h.function(func(h *thread, args ...uint64) {
			h.store(args[0], 8, h.number(args[0], 8)+h.number(args[1], 8))
		})
		var sum atomic.Uint64
		h.parallel(func(h *thread) {
			variable := h.room(8)
			list := h.room(taskRedForm.size)
			for i, v := range []uint64{variable, variable, 8, 0, 0, add} {
				h.store(list+8*uint64(i), 8, v)
			}
			for range 3 {
				group := h.call("__kmpc_taskred_modifier_init", 0, 0, 0, 1, list)
				for i := range uint64(50) {
					h.spawn(func(h *thread) {
						own := h.call("__kmpc_task_reduction_get_th_data", 0, group, variable)
						h.store(own, 8, h.number(own, 8)+i)
					})
				}
				h.call("__kmpc_task_reduction_modifier_fini", 0, 0, 0)
				h.barrier()
			}
			sum.Add(h.number(variable, 8))
		})
		if got := sum.Load(); got != uint64(3*threads)*49*25 {
			t.Errorf("%d", got)
		}
	})
}

// A taskloop runs each iteration once; its copies have bounds and addresses of variables of their own.
func TestTaskloop(t *testing.T) {
	teams(t, func(t *testing.T, h *thread, threads int) {
		var seen [100]atomic.Int32
		var lasts, copies atomic.Int32
		duplicate := h.function(func(h *thread, args ...uint64) {
			copies.Add(1)
			lasts.Add(int32(args[2]))
		})
		h.single(func(h *thread) {
			for _, name := range []string{"__kmpc_taskloop", "__kmpc_taskloop_5"} {
				for deferred := range uint64(2) {
					lower, code := uint64(taskHead), func(h *thread, task uint64) {
						if at := h.number(task, 8); at != task+(taskHead+24+15)&^15 {
							t.Errorf("addresses of variables at %#x of the task at %#x", at, task)
						}
						for i := h.number(task+taskHead, 8); int64(i) >= int64(h.number(task+taskHead+8, 8)); i -= 2 {
							seen[i/2].Add(1)
						}
					}
					task := h.allocTask(taskTied, code)
					h.store(task+lower, 8, 198)
					h.store(task+lower+8, 8, 0)
					args := []uint64{0, 0, task, deferred, task + lower, task + lower + 8, 1<<64 - 2, 0, 1, 7}
					if strings.HasSuffix(name, "_5") {
						args = append(args, 1)
					}
					h.call(name, append(args, duplicate)...)
					for i := range seen {
						if n := seen[i].Swap(0); n != 1 {
							t.Fatalf("iteration %d %d times", i, n)
						}
					}
				}
			}
		})
		if l, c := lasts.Load(), copies.Load(); l != 8 || c != 4*(14+15) {
			t.Errorf("%d copies, of which %d are the last", c, l)
		}
		h.checkQuiet()
	})
}

// A detached task is complete when its event was fulfilled, before its code has ended or behind that.
func TestDetachedTasks(t *testing.T) {
	teams(t, func(t *testing.T, h *thread, threads int) {
		h.single(func(h *thread) {
			for _, early := range []bool{false, true} {
				var ran, after atomic.Bool
				task := h.allocTask(taskTied|taskDetachable, func(h *thread, _ uint64) { ran.Store(true) })
				event := h.call("__kmpc_task_allow_completion_event", 0, 0, task)
				if early {
					h.call("omp_fulfill_event", event)
				}
				h.call("__kmpc_omp_task_with_deps", 0, 0, task, 1, h.list([]uint64{dependInOut, 64}), 0, 0)
				h.depending(func(h *thread) { after.Store(true) }, dependIn, 64)
				h.call("__kmpc_omp_taskyield", 0, 0, 0)
				if !early {
					if after.Load() {
						t.Error("a task begins behind one that is not complete")
					}
					h.spawn(func(h *thread) { h.call("omp_fulfill_event", event) })
				}
				h.call("__kmpc_omp_taskwait", 0, 0)
				if !ran.Load() || !after.Load() {
					t.Errorf("the task has run: %t, the one behind it: %t", ran.Load(), after.Load())
				}
			}
		})
		h.checkQuiet()
	})
}

// Handles of the program's that are none end the rank, with their value.
func TestWrongHandles(t *testing.T) {
	h := newRank(t, 2, 2)
	for _, c := range []struct {
		want string
		call func(h *thread)
	}{
		{"no task at address 0x12345", func(h *thread) { h.call("__kmpc_omp_task", 0, 0, 0x12345) }},
		{"no task at address", func(h *thread) { h.call("__kmpc_omp_task", 0, 0, 1<<63+128) }},
		{"no task at address", func(h *thread) { h.call("omp_fulfill_event", 77) }},
		{"none that a task waits for", func(h *thread) {
			task := h.allocTask(taskTied|taskDetachable, func(*thread, uint64) {})
			event := h.call("__kmpc_task_allow_completion_event", 0, 0, task)
			h.call("omp_fulfill_event", event+1<<32)
		}},
		{"none that a task waits for", func(h *thread) {
			task := h.allocTask(taskTied|taskDetachable, func(*thread, uint64) {})
			event := h.call("__kmpc_task_allow_completion_event", 0, 0, task)
			h.call("omp_fulfill_event", event)
			h.call("omp_fulfill_event", event)
		}},
		{"end of a taskgroup", func(h *thread) { h.call("__kmpc_end_taskgroup", 0, 0) }},
		{"which was not begun", func(h *thread) {
			h.call("__kmpc_omp_task_complete_if0", 0, 0, h.allocTask(taskTied, func(*thread, uint64) {}))
		}},
		{"outside of any taskgroup", func(h *thread) { h.call("__kmpc_taskred_init", 0, 1, 0) }},
		{"a step of 0", func(h *thread) {
			task := h.allocTask(taskTied, func(*thread, uint64) {})
			h.call("__kmpc_taskloop", 0, 0, task, 1, task, task+8, 0, 0, 0, 0, 0)
		}},
		{"bounds are not in its task", func(h *thread) {
			task := h.allocTask(taskTied, func(*thread, uint64) {})
			h.call("__kmpc_taskloop", 0, 0, task, 1, task-8, task+8, 1, 0, 0, 0, 0)
		}},
		{"a task of 1152921504606846976 bytes", func(h *thread) {
			h.call("__kmpc_omp_task_alloc", 0, 0, 1, 1<<60, 1<<60, 0)
		}},
	} {
		func() {
			defer func() {
				if err, _ := recover().(*Error); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, not %s", err, c.want)
				}
			}()
			c.call(h)
		}()
	}
}

// An untied task that hands itself on in parts is complete behind the last; a final task defers none; an undeferred
// one is run by who generates it.
func TestKindsOfTasks(t *testing.T) {
	teams(t, func(t *testing.T, h *thread, threads int) {
		h.single(func(h *thread) {
			var parts atomic.Int32
			task := h.allocTask(0, func(h *thread, task uint64) {
				if parts.Add(1) < 4 {
					h.call("__kmpc_omp_task", 0, 0, task)
				}
			})
			h.call("__kmpc_omp_task", 0, 0, task)
			h.call("__kmpc_omp_taskwait", 0, 0)
			if parts.Load() != 4 {
				t.Errorf("%d parts of an untied task have run", parts.Load())
			}

			ran := 0
			h.call("__kmpc_omp_task", 0, 0, h.allocTask(taskTied|taskFinal, func(h *thread, _ uint64) {
				for i := range 3 {
					h.spawn(func(h *thread) { ran += int(h.call("omp_in_final")) })
					h.depending(func(h *thread) { ran++ }, dependInOut, 64)
					if ran != 2*i+2 {
						t.Errorf("a task in a final one is deferred")
					}
				}
			}))
			h.call("__kmpc_omp_taskwait", 0, 0)

			outer := h.task
			task = h.allocTask(taskTied, nil)
			h.call("__kmpc_omp_task_begin_if0", 0, 0, task)
			var child atomic.Bool
			h.spawn(func(h *thread) { child.Store(true) })
			if h.task == outer || h.task.parent != outer {
				t.Error("an undeferred task is not where it is")
			}
			h.call("__kmpc_omp_taskwait", 0, 0)
			h.call("__kmpc_omp_task_complete_if0", 0, 0, task)
			if h.task != outer || !child.Load() {
				t.Errorf("behind an undeferred task: %t", child.Load())
			}

			// One that is untied, too, has all of its parts behind it then, on one thread as on several.
			parts.Store(0)
			part := func(h *thread, task uint64) {
				if parts.Add(1) < 4 {
					h.call("__kmpc_omp_task", 0, 0, task)
				}
			}
			task = h.allocTask(0, part)
			h.call("__kmpc_omp_task_begin_if0", 0, 0, task)
			part(h, task)
			h.call("__kmpc_omp_task_complete_if0", 0, 0, task)
			if h.task != outer || parts.Load() != 4 {
				t.Errorf("%d parts of an undeferred untied task have run", parts.Load())
			}
			h.call("__kmpc_omp_taskwait", 0, 0)
		})
		h.checkQuiet()
	})
}

// Of tasks that are ready the one with the highest priority comes first, up to what OMP_MAX_TASK_PRIORITY says.
func TestPriorities(t *testing.T) {
	h := newRank(t, 2, 2)
	h.runtime.settings.MaxPriority = 5
	var order []int
	h.alone(func(h *thread) {
		for _, p := range []int{0, 3, 9, -1, 4, 3} {
			task := h.allocTask(taskTied|taskPriority, func(*thread, uint64) { order = append(order, p) })
			h.store(task+atPriority, 4, uint64(p))
			h.call("__kmpc_omp_task", 0, 0, task)
		}
	})
	if want := []int{9, 4, 3, 3, -1, 0}; !slices.Equal(order, want) {
		t.Errorf("%d, not %d", order, want)
	}
}

// More tasks than a queue holds are run by who generates them; their memory is used again; and where no room is left,
// tasks that wait are run first.
func TestTasksAreBounded(t *testing.T) {
	h := newRank(t, 2, 2)
	h.parallel(func(h *thread) {})
	before := h.grown.Load()
	ran := 0
	h.alone(func(h *thread) {
		for range 100 * mostQueued {
			h.spawn(func(h *thread) { ran++ })
			if n := h.region.queue.len(); n > mostQueued {
				t.Fatalf("%d are queued", n)
			}
		}
	})
	if ran != 100*mostQueued {
		t.Errorf("%d have run", ran)
	}
	if grown := h.grown.Load() - before; grown > arenaStep+pageSize {
		t.Errorf("they took %d KiB", grown>>10)
	}
	h.runtime.blocks.made = mostTasks
	ran = 0
	h.alone(func(h *thread) {
		defer func() {
			err, _ := recover().(*Error)
			if err == nil || !strings.Contains(err.Error(), "at most 1048576 at once") || ran == 0 {
				t.Errorf("%v, when %d had run", err, ran)
			}
		}()
		for {
			h.allocTask(taskTied, func(*thread, uint64) {})
			h.spawn(func(h *thread) { ran++ })
		}
	})
}

// What is given back is dealt out again, whatever the order.
func TestArena(t *testing.T) {
	var a arena
	grown := uint64(1 << 16)
	grow := func(size uint64) (uint64, bool) {
		size = (size + pageSize - 1) &^ (pageSize - 1)
		if grown+size > 4<<20 {
			return 0, false
		}
		grown += size
		return grown - size, true
	}
	var taken []extent
	for round := range 200 {
		for i := range uint64(20) {
			size, align := (i*i*7+uint64(round)*13)%9000+1, uint64(1)<<(i%8)
			at, ok := a.take(size, align, grow)
			if !ok || at%align != 0 {
				t.Fatalf("round %d: %#x for %d bytes at multiples of %d, %t", round, at, size, align, ok)
			}
			for _, other := range taken {
				if at < other.address+other.size && other.address < at+size {
					t.Fatalf("%#x is in use", at)
				}
			}
			taken = append(taken, extent{at, size})
		}
		for i := 0; i < len(taken); i += 2 {
			a.give(taken[i].address, taken[i].size)
			taken = slices.Delete(taken, i, i+1)
		}
		if len(taken) > 60 {
			for _, e := range taken {
				a.give(e.address, e.size)
			}
			taken = nil
		}
	}
	for _, e := range taken {
		a.give(e.address, e.size)
	}
	if len(a.free) != 1 || a.free[0] != (extent{1 << 16, grown - 1<<16}) {
		t.Errorf("%v of %d are free", a.free, grown)
	}
	if _, ok := a.take(1<<63, 1<<63, grow); ok {
		t.Error("there is room for half of all addresses")
	}
	if at, ok := a.take(grown-1<<16, 1, grow); !ok || at != 1<<16 {
		t.Errorf("%#x, %t", at, ok)
	}
}

func BenchmarkTasks(b *testing.B) {
	h := newRank(&testing.T{}, 1, 2)
	entry := h.function(func(h *thread, args ...uint64) {})
	stack := make([]uint64, 8)
	h.parallel(func(h *thread) {
		for b.Loop() {
			stack = append(stack[:0], 0, 0, 1, taskHead+24, 16, entry)
			taskAlloc(h.Thread, stack)
			stack[2] = stack[0]
			omTask(h.Thread, stack)
		}
	})
}
