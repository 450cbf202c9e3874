package omp

import (
	"sync/atomic"
	"testing"
)

// Every iteration of a loop that teams and their threads share out comes to one thread, one thread has the last, and
// those without any have bounds that say so.
func TestDistribute(t *testing.T) {
	for _, trips := range []uint64{0, 1, 2, 5, 7, 40} {
		for _, how := range []string{"static", "dispatch"} {
			h := newRank(t, 2, 2)
			h.runtime.settings.maxLevels = 2
			var seen [40]atomic.Int32
			var lasts atomic.Int32
			inner := func(h *thread) {
				at := h.room(64)
				last, lower, upper, stride, team := at, at+8, at+16, at+24, at+32
				h.store(lower, 4, 100)
				h.store(upper, 4, 100+trips-1)
				note := func() {
					for i := h.number(lower, 4); i <= h.number(upper, 4); i++ {
						seen[i-100].Add(1)
					}
				}
				if how == "static" {
					h.call("__kmpc_dist_for_static_init_4u", 0, 0, kmpStatic, last, lower, upper, team, stride, 1, 1)
					note()
					lasts.Add(int32(h.number(last, 4)))
					return
				}
				h.call("__kmpc_dist_dispatch_init_4u", 0, 0, kmpDynamic, last, 100, 100+trips-1, 1, 2)
				inTeam := h.number(last, 4)
				for h.call("__kmpc_dispatch_next_4u", 0, 0, last, lower, upper, stride) == 1 {
					note()
					lasts.Add(int32(h.number(last, 4) & inTeam))
				}
			}
			body := h.function(func(h *thread, _ ...uint64) { h.parallel(inner) })
			h.call("__kmpc_push_num_teams", 0, 0, 3, 2)
			h.call("__kmpc_fork_teams", 0, 0, body, 0)
			for i := range seen {
				if want := int32(truthOf(uint64(i) < trips)); seen[i].Load() != want {
					t.Errorf("%s, %d: iteration %d %d times", how, trips, i, seen[i].Load())
				}
			}
			if want := min(int32(trips), 1); lasts.Load() != want {
				t.Errorf("%s, %d: %d threads have the last iteration", how, trips, lasts.Load())
			}
		}
	}
}

// Chunks go to the teams in turn.
func TestTeamChunks(t *testing.T) {
	h := newRank(t, 1, 2)
	var lowers [3]atomic.Uint64
	body := h.function(func(h *thread, _ ...uint64) {
		at := h.room(64)
		h.store(at+8, 8, 0)
		h.store(at+16, 8, 99)
		h.call("__kmpc_team_static_init_8", 0, 0, at, at+8, at+16, at+24, 1, 10)
		if h.number(at+16, 8) != h.number(at+8, 8)+9 || h.number(at+24, 8) != 30 {
			t.Errorf("to %d, then by %d", h.number(at+16, 8), h.number(at+24, 8))
		}
		lowers[h.call("omp_get_team_num")].Store(h.number(at+8, 8))
	})
	h.call("__kmpc_push_num_teams", 0, 0, 3, 1)
	h.call("__kmpc_fork_teams", 0, 0, body, 0)
	for i := range lowers {
		if lowers[i].Load() != uint64(10*i) {
			t.Errorf("team %d begins at %d", i, lowers[i].Load())
		}
	}
}

// A num_threads clause with a list is for nested regions too, and one that is strict is told where fewer are there.
func TestThreadsAsked(t *testing.T) {
	h := newRank(t, 2, 2)
	list, message := h.room(16), h.room(16)
	h.store(list, 4, 3)
	h.store(list+4, 4, 4)
	copy(h.memory[message:], "fewer\x00")
	var outer, inner, after atomic.Int32
	h.call("__kmpc_push_num_threads_list", 0, 0, 2, list)
	h.parallel(func(h *thread) {
		outer.Add(1)
		if h.region.number == 0 {
			h.parallel(func(h *thread) { inner.Add(1) })
		}
	})
	h.call("__kmpc_push_num_threads_strict", 0, 0, 99, 1, message)
	h.parallel(func(h *thread) { after.Add(1) })
	if outer.Load() != 3 || inner.Load() != 4 || after.Load() != 16 || h.printed[2] != "OpenMP: warning: fewer\n" {
		t.Errorf("%d, %d in that, %d; %q", outer.Load(), inner.Load(), after.Load(), h.printed[2])
	}
	defer func() {
		if err, _ := recover().(*Error); err == nil || err.Text != "fewer" {
			t.Errorf("%v", err)
		}
	}()
	h.call("__kmpc_push_num_threads_strict", 0, 0, 99, 2, message)
	h.parallel(func(h *thread) {})
}
