package omp

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// schedMonotonic is a bit of omp_sched_t.
const schedMonotonic = 1 << 31

// void omp_set_schedule(kind i32, chunk i32)
func setSchedule(t *Thread, s []uint64) {
	k := kind(uint32(s[0]) &^ schedMonotonic)
	if k < static || k > auto {
		return
	}
	chunk := max(int64(int32(s[1])), 0)
	if k == dynamic || k == guided {
		chunk = max(chunk, 1)
	}
	t.task.icvs.schedule = schedule{k, chunk, uint32(s[0])&schedMonotonic != 0}
}

// void omp_get_schedule(*kind i32, *chunk i32)
func getSchedule(t *Thread, s []uint64) {
	k := uint64(t.task.icvs.schedule.kind)
	if t.task.icvs.schedule.monotonic {
		k |= schedMonotonic
	}
	t.store(s[0], 4, k)
	t.store(s[1], 4, uint64(t.task.icvs.schedule.chunk))
}

// void omp_set_num_threads(threads i32)
func setNumThreads(t *Thread, s []uint64) {
	if n := int(int32(s[0])); n > 0 {
		t.task.icvs = t.task.icvs.withThreads(n)
	}
}

// void omp_set_max_active_levels(levels i32)
func setMaxActiveLevels(t *Thread, s []uint64) {
	if n := int(int32(s[0])); n >= 0 {
		t.task.icvs.maxLevels = min(n, mostLevels)
	}
}

// void omp_set_nested(on i32)
func setNested(t *Thread, s []uint64) {
	t.task.icvs.maxLevels = map[bool]int{false: 1, true: mostLevels}[int32(s[0]) != 0]
}

// at is the member of the team of a level that the thread is in, or is in one further in of; nil for no level.
func (t *Thread) at(level int32) *region {
	r := t.region
	if level < 0 || int(level) > r.team.level {
		return nil
	}
	for r.team.level > int(level) {
		r = r.team.parent
	}
	return r
}

// ancestor is omp_get_ancestor_thread_num(level i32) -> i32, -1 for no level.
func ancestor(t *Thread, s []uint64) {
	n := int32(-1)
	if r := t.at(int32(s[0])); r != nil {
		n = int32(r.number)
	}
	s[0] = uint64(uint32(n))
}

// teamSizeAt is omp_get_team_size(level i32) -> i32, -1 for no level.
func teamSizeAt(t *Thread, s []uint64) {
	n := int32(-1)
	if r := t.at(int32(s[0])); r != nil {
		n = int32(r.team.size)
	}
	s[0] = uint64(uint32(n))
}

// nothing is of calls that need no answer here.
func nothing(*Thread, []uint64) {}

// says makes a call that returns an i32.
func says(what func(t *Thread) int) func(*Thread, []uint64) {
	return func(t *Thread, s []uint64) { s[0] = uint64(uint32(what(t))) }
}

// always makes a call that returns the same i32.
func always(n int) func(*Thread, []uint64) { return says(func(*Thread) int { return n }) }

func oneIf(b bool) int { return int(truthOf(b)) }

// f64 omp_get_wtime() -> seconds, of a clock that all ranks of a process share.
func wtime(_ *Thread, s []uint64) { s[0] = math.Float64bits(time.Since(started).Seconds()) }

// Call is a function that programs import from the module "env".
type Call struct {
	Name            string
	Params, Results string // a letter a value
	Fn              func(t *Thread, stack []uint64)
}

// Calls are the functions that the runtime has. A program that needs one that is not there is refused, by name.
func Calls() []Call {
	calls := slices.Clone(calls)
	for _, f := range []struct {
		suffix, letter string
		form
	}{{"_4", "i", form{4, false}}, {"_4u", "i", form{4, true}}, {"_8", "l", form{8, false}}, {"_8u", "l", form{8, true}}} {
		calls = append(calls,
			Call{"__kmpc_for_static_init" + f.suffix, "liillll" + f.letter + f.letter, "", forStaticInit(f.form)},
			Call{"__kmpc_dispatch_init" + f.suffix, "lii" + f.letter + f.letter + f.letter + f.letter, "",
				dispatchInit(f.form)},
			Call{"__kmpc_dispatch_next" + f.suffix, "lillll", "i", dispatchNext(f.form)},
			Call{"__kmpc_dispatch_fini" + f.suffix, "li", "", dispatchFini},
			Call{"__kmpc_dist_for_static_init" + f.suffix, "liilllll" + f.letter + f.letter, "", distForStaticInit(f.form)},
			Call{"__kmpc_dist_dispatch_init" + f.suffix, "liil" + f.letter + f.letter + f.letter + f.letter, "",
				distDispatchInit(f.form)},
			Call{"__kmpc_team_static_init" + f.suffix, "lillll" + f.letter + f.letter, "", teamStaticInit(f.form)})
	}
	for i, c := range calls {
		calls[i] = c.watched()
	}
	return calls
}

var calls = []Call{
	// Regions
	{"__kmpc_global_thread_num", "l", "i", says(func(t *Thread) int { return t.id })},
	{"__kmpc_begin", "li", "", nothing},
	{"__kmpc_end", "l", "", nothing},
	{"__kmpc_fork_call", "lill", "", forkCall},
	{"__kmpc_fork_call_if", "lilil", "", forkCallIf},
	{"__kmpc_serialized_parallel", "li", "", serializedParallel},
	{"__kmpc_end_serialized_parallel", "li", "", endSerializedParallel},
	{"__kmpc_push_num_threads", "lii", "", pushNumThreads},
	{"__kmpc_push_num_threads_strict", "liiil", "", pushNumThreadsStrict},
	{"__kmpc_push_num_threads_list", "liil", "", pushNumThreadsList},
	{"__kmpc_push_num_threads_list_strict", "liilil", "", pushNumThreadsListStrict},
	{"__kmpc_push_proc_bind", "lii", "", nothing},
	{"__kmpc_set_thread_limit", "lii", "", setThreadLimit},
	{"__kmpc_push_num_teams", "liii", "", pushNumTeams},
	{"__kmpc_push_num_teams_51", "liiii", "", pushNumTeams51},
	{"__kmpc_fork_teams", "lill", "", forkTeams},

	// Loops
	{"__kmpc_for_static_fini", "li", "", nothing},
	{"__kmpc_dispatch_deinit", "li", "", nothing},
	{"__kmpc_ordered", "li", "", ordered},
	{"__kmpc_end_ordered", "li", "", endOrdered},

	// Synchronization
	{"__kmpc_barrier", "li", "", barrier},
	{"__kmpc_cancel_barrier", "li", "i", cancelBarrier},
	{"__kmpc_cancel", "lii", "i", cancel},
	{"__kmpc_cancellationpoint", "lii", "i", cancellationPoint},
	{"__kmpc_doacross_init", "liil", "", doacrossInit},
	{"__kmpc_doacross_post", "lil", "", doacrossPost},
	{"__kmpc_doacross_wait", "lil", "", doacrossWait},
	{"__kmpc_doacross_fini", "li", "", doacrossFini},
	{"__kmpc_flush", "l", "", nothing}, // a call of the host is one, of everything
	{"__kmpc_master", "li", "i", master},
	{"__kmpc_end_master", "li", "", nothing},
	{"__kmpc_masked", "lii", "i", masked},
	{"__kmpc_end_masked", "li", "", nothing},
	{"__kmpc_single", "li", "i", single},
	{"__kmpc_end_single", "li", "", nothing},
	{"__kmpc_copyprivate", "lillli", "", copyprivate},
	{"__kmpc_critical", "lil", "", critical},
	{"__kmpc_critical_with_hint", "lili", "", critical},
	{"__kmpc_end_critical", "lil", "", endCritical},
	{"__kmpc_reduce", "liillll", "i", reduce},
	{"__kmpc_end_reduce", "lil", "", endReduce},
	{"__kmpc_reduce_nowait", "liillll", "i", reduceNowait},
	{"__kmpc_end_reduce_nowait", "lil", "", nothing},

	// Tasks
	{"__kmpc_omp_task_alloc", "liilll", "l", taskAlloc},
	{"__kmpc_omp_target_task_alloc", "liillll", "l", targetTaskAlloc},
	{"__kmpc_omp_task", "lil", "i", omTask},
	{"__kmpc_omp_task_with_deps", "lililil", "i", taskWithDependences},
	{"__kmpc_omp_task_begin_if0", "lil", "", beginIf0},
	{"__kmpc_omp_task_complete_if0", "lil", "", completeIf0},
	{"__kmpc_omp_reg_task_with_affinity", "lilil", "i", always(0)}, // threads are where they are
	{"__kmpc_omp_taskwait", "li", "i", taskwait},
	{"__kmpc_omp_wait_deps", "liilil", "", waitDependences},
	{"__kmpc_omp_taskwait_deps_51", "liilili", "", waitDependences},
	{"__kmpc_omp_taskyield", "lii", "i", taskyield},
	{"__kmpc_taskgroup", "li", "", taskgroup},
	{"__kmpc_end_taskgroup", "li", "", endTaskgroup},
	{"__kmpc_taskloop", "lilillliill", "", taskloop},
	{"__kmpc_taskloop_5", "lilillliilil", "", taskloop5},
	{"__kmpc_task_reduction_init", "iil", "l", taskReductionInit},
	{"__kmpc_taskred_init", "iil", "l", taskredInit},
	{"__kmpc_taskred_modifier_init", "liiil", "l", taskredModifierInit},
	{"__kmpc_task_reduction_modifier_init", "liiil", "l", taskReductionModifierInit},
	{"__kmpc_task_reduction_modifier_fini", "lii", "", taskReductionModifierFini},
	{"__kmpc_task_reduction_get_th_data", "ill", "l", taskReductionData},
	{"__kmpc_task_allow_completion_event", "lil", "l", allowCompletionEvent},
	{"omp_fulfill_event", "l", "", fulfillEvent},
	{"omp_get_max_task_priority", "", "i", says(func(t *Thread) int { return t.runtime.settings.MaxPriority })},
	{"omp_in_final", "", "i", says(func(t *Thread) int { return oneIf(t.task.final) })},
	{"omp_in_explicit_task", "", "i", says(func(t *Thread) int { return oneIf(t.task.explicit()) })},

	// Threads and teams
	{"omp_set_num_threads", "i", "", setNumThreads},
	{"omp_get_num_threads", "", "i", says(func(t *Thread) int { return t.region.team.size })},
	{"omp_get_max_threads", "", "i", says(func(t *Thread) int { return t.task.icvs.threads[0] })},
	{"omp_get_thread_num", "", "i", says(func(t *Thread) int { return t.region.number })},
	{"omp_in_parallel", "", "i", says(func(t *Thread) int { return oneIf(t.region.team.active > 0) })},
	{"omp_set_dynamic", "i", "", func(t *Thread, s []uint64) { t.task.icvs.dynamic = int32(s[0]) != 0 }},
	{"omp_get_dynamic", "", "i", says(func(t *Thread) int { return oneIf(t.task.icvs.dynamic) })},
	{"omp_get_cancellation", "", "i", says(func(t *Thread) int { return oneIf(t.runtime.settings.Cancellation) })},
	{"omp_set_nested", "i", "", setNested},
	{"omp_get_nested", "", "i", says(func(t *Thread) int { return oneIf(t.task.icvs.maxLevels > 1) })},
	{"omp_set_schedule", "ii", "", setSchedule},
	{"omp_get_schedule", "ll", "", getSchedule},
	{"omp_get_thread_limit", "", "i", says(func(t *Thread) int { return cmp.Or(t.task.icvs.limit, t.runtime.limit) })},
	{"omp_get_supported_active_levels", "", "i", always(mostLevels)},
	{"omp_set_max_active_levels", "i", "", setMaxActiveLevels},
	{"omp_get_max_active_levels", "", "i", says(func(t *Thread) int { return t.task.icvs.maxLevels })},
	{"omp_get_level", "", "i", says(func(t *Thread) int { return t.region.team.level })},
	{"omp_get_ancestor_thread_num", "i", "i", ancestor},
	{"omp_get_team_size", "i", "i", teamSizeAt},
	{"omp_get_active_level", "", "i", says(func(t *Thread) int { return t.region.team.active })},
	{"omp_get_num_procs", "", "i", says(func(t *Thread) int { return t.runtime.processors })},
	{"omp_get_num_teams", "", "i", says(func(t *Thread) int { return t.leagueOf().teams })},
	{"omp_get_team_num", "", "i", says(func(t *Thread) int { return t.leagueOf().number })},
	{"omp_set_num_teams", "i", "", func(t *Thread, s []uint64) { t.task.icvs.teams = max(int(int32(s[0])), 0) }},
	{"omp_get_max_teams", "", "i", says(func(t *Thread) int { return t.task.icvs.teams })},
	{"omp_set_teams_thread_limit", "i", "", func(t *Thread, s []uint64) {
		t.task.icvs.teamLimit = max(int(int32(s[0])), 0)
	}},
	{"omp_get_teams_thread_limit", "", "i", says(func(t *Thread) int { return t.task.icvs.teamLimit })},
	{"omp_get_proc_bind", "", "i", always(0)},
	{"omp_get_num_places", "", "i", always(0)}, // threads are anywhere
	{"omp_get_place_num_procs", "i", "i", always(0)},
	{"omp_get_place_proc_ids", "il", "", nothing},
	{"omp_get_place_num", "", "i", always(-1)},
	{"omp_get_partition_num_places", "", "i", always(0)},
	{"omp_get_partition_place_nums", "l", "", nothing},

	// Locks
	{"omp_init_lock", "l", "", initLock},
	{"omp_init_lock_with_hint", "li", "", initLock},
	{"omp_destroy_lock", "l", "", initLock},
	{"omp_set_lock", "l", "", setLock},
	{"omp_unset_lock", "l", "", unsetLock},
	{"omp_test_lock", "l", "i", testLock},
	{"omp_init_nest_lock", "l", "", initLock},
	{"omp_init_nest_lock_with_hint", "li", "", initLock},
	{"omp_destroy_nest_lock", "l", "", initLock},
	{"omp_set_nest_lock", "l", "", setNestLock},
	{"omp_unset_nest_lock", "l", "", unsetNestLock},
	{"omp_test_nest_lock", "l", "i", testNestLock},

	// Memory
	{"omp_init_allocator", "lil", "l", initAllocator},
	{"omp_destroy_allocator", "l", "", destroyAllocator},
	{"omp_set_default_allocator", "l", "", setDefaultAllocator},
	{"omp_get_default_allocator", "", "l", func(t *Thread, s []uint64) { s[0] = t.task.icvs.allocator }},
	{"omp_alloc", "ll", "l", ompAlloc},
	{"omp_aligned_alloc", "lll", "l", ompAlignedAlloc},
	{"omp_calloc", "lll", "l", ompCalloc},
	{"omp_aligned_calloc", "llll", "l", ompAlignedCalloc},
	{"omp_realloc", "llll", "l", ompRealloc},
	{"omp_free", "ll", "", ompFree},
	{"__kmpc_alloc", "ill", "l", kmpcAlloc},
	{"__kmpc_aligned_alloc", "illl", "l", kmpcAlignedAlloc},
	{"__kmpc_free", "ill", "", kmpcFree},
	{"__kmpc_init_allocator", "ilil", "l", kmpcInitAllocator},
	{"__kmpc_destroy_allocator", "il", "", func(t *Thread, s []uint64) { destroyAllocator(t, s[1:]) }},

	// What is shown
	{"omp_display_env", "i", "", displayEnv},
	{"omp_set_affinity_format", "l", "", setAffinityFormat},
	{"omp_get_affinity_format", "ll", "l", getAffinityFormat},
	{"omp_display_affinity", "l", "", displayAffinity},
	{"omp_capture_affinity", "lll", "l", captureAffinity},
	{"__kmpc_error", "lil", "", kmpcError},

	// Time
	{"omp_get_wtime", "", "d", wtime},
	{"omp_get_wtick", "", "d", func(_ *Thread, s []uint64) { s[0] = math.Float64bits(1e-9) }},

	// Devices: there are none but the host.
	{"omp_set_default_device", "i", "", func(t *Thread, s []uint64) { t.task.icvs.device = int(int32(s[0])) }},
	{"omp_get_default_device", "", "i", says(func(t *Thread) int { return t.task.icvs.device })},
	{"omp_get_num_devices", "", "i", always(0)},
	{"omp_get_device_num", "", "i", always(0)},
	{"omp_is_initial_device", "", "i", always(1)},
	{"omp_get_initial_device", "", "i", always(0)},
	{"omp_target_alloc", "li", "l", targetAlloc},
	{"omp_target_free", "li", "", targetFree},
	{"omp_target_is_present", "li", "i", targetIsPresent},
	{"omp_target_is_accessible", "lli", "i", targetIsAccessible},
	{"omp_target_memcpy", "lllllii", "i", targetMemcpy},
	{"omp_target_memcpy_async", "lllllii" + "il", "i", targetMemcpyAsync},
	{"omp_target_memcpy_rect", "llli" + "lllll" + "ii", "i", targetMemcpyRect},
	{"omp_target_memcpy_rect_async", "llli" + "lllll" + "iiil", "i", targetMemcpyRectAsync},
	{"omp_target_associate_ptr", "llll" + "i", "i", targetAssociate},
	{"omp_target_disassociate_ptr", "li", "i", targetAssociate},
	{"omp_get_mapped_ptr", "li", "l", mappedPtr},
	{"omp_get_num_interop_properties", "l", "i", always(0)},
	{"omp_get_interop_int", "lil", "l", interopProperty},
	{"omp_get_interop_ptr", "lil", "l", interopProperty},
	{"omp_get_interop_str", "lil", "l", interopProperty},
	{"omp_get_interop_name", "li", "l", noText},
	{"omp_get_interop_type_desc", "li", "l", noText},
	{"omp_get_interop_rc_desc", "li", "l", noText},
	{"omp_pause_resource", "ii", "i", pauseResource},
	{"omp_pause_resource_all", "i", "i", pauseResourceAll},
	{"omp_control_tool", "iil", "i", always(noTool)},
}
