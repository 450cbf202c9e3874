/*
 * omp.h for programs that faasmrun runs: C and C++, wasm64 (LP64).
 *
 * The routines, types and constants of OpenMP 5.1, what clang 19 compiles by default. Every routine is left undefined by a
 * link with -fopenmp and becomes an import of the module "env"; one that the host does not have yet is refused when the
 * module is loaded, by name. Values that programs pass as numbers are those of other implementations. A lock is a word
 * that the host keeps what it likes in.
 *
 * There are no devices but the host: target regions run there, and the routines about devices say so.
 */
#ifndef FAASMRUN_OMP_H
#define FAASMRUN_OMP_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define OMP_DEFAULT(value) = value
#else
#define OMP_DEFAULT(value)
#endif

/* ---- Types and constants ---- */

typedef struct omp_lock_t { uintptr_t word; } omp_lock_t;
typedef struct omp_nest_lock_t { uintptr_t word; } omp_nest_lock_t;

typedef enum omp_sync_hint_t {
	omp_sync_hint_none = 0,
	omp_sync_hint_uncontended = 1,
	omp_sync_hint_contended = 2,
	omp_sync_hint_nonspeculative = 4,
	omp_sync_hint_speculative = 8,
	omp_lock_hint_none = omp_sync_hint_none,
	omp_lock_hint_uncontended = omp_sync_hint_uncontended,
	omp_lock_hint_contended = omp_sync_hint_contended,
	omp_lock_hint_nonspeculative = omp_sync_hint_nonspeculative,
	omp_lock_hint_speculative = omp_sync_hint_speculative
} omp_sync_hint_t;
typedef omp_sync_hint_t omp_lock_hint_t;

typedef enum omp_sched_t {
	omp_sched_static = 1,
	omp_sched_dynamic = 2,
	omp_sched_guided = 3,
	omp_sched_auto = 4,
	omp_sched_monotonic = (int)0x80000000u
} omp_sched_t;

typedef enum omp_proc_bind_t {
	omp_proc_bind_false = 0,
	omp_proc_bind_true = 1,
	omp_proc_bind_primary = 2,
	omp_proc_bind_master = omp_proc_bind_primary,
	omp_proc_bind_close = 3,
	omp_proc_bind_spread = 4
} omp_proc_bind_t;

typedef enum omp_pause_resource_t {
	omp_pause_soft = 1,
	omp_pause_hard = 2
} omp_pause_resource_t;

typedef void *omp_depend_t;
typedef intptr_t omp_intptr_t;
typedef uintptr_t omp_uintptr_t;

/* Handles are numbers as wide as an address, in C by their largest value, which ISO C would not let an enum have. */
#if defined(__cplusplus) && __cplusplus >= 201103L
#define OMP_HANDLE : omp_uintptr_t
#else
#define OMP_HANDLE
#endif

/* A detached task's event. */
__extension__ typedef enum omp_event_handle_t OMP_HANDLE { omp_event_handle_largest = UINTPTR_MAX } omp_event_handle_t;

/* Memory: the predefined handles are numbers, one that omp_init_allocator gives is an address. */
__extension__ typedef enum omp_memspace_handle_t OMP_HANDLE {
	omp_default_mem_space = 0,
	omp_large_cap_mem_space = 1,
	omp_const_mem_space = 2,
	omp_high_bw_mem_space = 3,
	omp_low_lat_mem_space = 4,
	omp_memspace_handle_largest = UINTPTR_MAX
} omp_memspace_handle_t;

__extension__ typedef enum omp_allocator_handle_t OMP_HANDLE {
	omp_null_allocator = 0,
	omp_default_mem_alloc = 1,
	omp_large_cap_mem_alloc = 2,
	omp_const_mem_alloc = 3,
	omp_high_bw_mem_alloc = 4,
	omp_low_lat_mem_alloc = 5,
	omp_cgroup_mem_alloc = 6,
	omp_pteam_mem_alloc = 7,
	omp_thread_mem_alloc = 8,
	omp_allocator_handle_largest = UINTPTR_MAX
} omp_allocator_handle_t;

typedef enum omp_alloctrait_key_t {
	omp_atk_sync_hint = 1,
	omp_atk_alignment = 2,
	omp_atk_access = 3,
	omp_atk_pool_size = 4,
	omp_atk_fallback = 5,
	omp_atk_fb_data = 6,
	omp_atk_pinned = 7,
	omp_atk_partition = 8
} omp_alloctrait_key_t;

typedef enum omp_alloctrait_value_t {
	omp_atv_false = 0,
	omp_atv_true = 1,
	omp_atv_contended = 3,
	omp_atv_uncontended = 4,
	omp_atv_serialized = 5,
	omp_atv_sequential = omp_atv_serialized,
	omp_atv_private = 6,
	omp_atv_all = 7,
	omp_atv_thread = 8,
	omp_atv_pteam = 9,
	omp_atv_cgroup = 10,
	omp_atv_default_mem_fb = 11,
	omp_atv_null_fb = 12,
	omp_atv_abort_fb = 13,
	omp_atv_allocator_fb = 14,
	omp_atv_environment = 15,
	omp_atv_nearest = 16,
	omp_atv_blocked = 17,
	omp_atv_interleaved = 18
} omp_alloctrait_value_t;
#define omp_atv_default ((omp_uintptr_t)-1)

typedef struct omp_alloctrait_t {
	omp_alloctrait_key_t key;
	omp_uintptr_t value;
} omp_alloctrait_t;

typedef void *omp_interop_t;
#define omp_interop_none 0

typedef enum omp_interop_property_t {
	omp_ipr_fr_id = -1,
	omp_ipr_fr_name = -2,
	omp_ipr_vendor = -3,
	omp_ipr_vendor_name = -4,
	omp_ipr_device_num = -5,
	omp_ipr_platform = -6,
	omp_ipr_device = -7,
	omp_ipr_device_context = -8,
	omp_ipr_targetsync = -9,
	omp_ipr_first = -9
} omp_interop_property_t;

typedef enum omp_interop_rc_t {
	omp_irc_no_value = 1,
	omp_irc_success = 0,
	omp_irc_empty = -1,
	omp_irc_out_of_range = -2,
	omp_irc_type_int = -3,
	omp_irc_type_ptr = -4,
	omp_irc_type_str = -5,
	omp_irc_other = -6
} omp_interop_rc_t;

typedef enum omp_control_tool_t {
	omp_control_tool_start = 1,
	omp_control_tool_pause = 2,
	omp_control_tool_flush = 3,
	omp_control_tool_end = 4
} omp_control_tool_t;

typedef enum omp_control_tool_result_t {
	omp_control_tool_notool = -2,
	omp_control_tool_nocallback = -1,
	omp_control_tool_success = 0,
	omp_control_tool_ignored = 1
} omp_control_tool_result_t;

enum { omp_initial_device = -1, omp_invalid_device = -2 };

/* ---- Routines ---- */

#define OMP_CALL(result, name, args) result omp_##name args;

/* Threads and teams */
OMP_CALL(void, set_num_threads, (int threads))
OMP_CALL(int, get_num_threads, (void))
OMP_CALL(int, get_max_threads, (void))
OMP_CALL(int, get_thread_num, (void))
OMP_CALL(int, in_parallel, (void))
OMP_CALL(void, set_dynamic, (int on))
OMP_CALL(int, get_dynamic, (void))
OMP_CALL(int, get_cancellation, (void))
OMP_CALL(void, set_nested, (int on))
OMP_CALL(int, get_nested, (void))
OMP_CALL(void, set_schedule, (omp_sched_t kind, int chunk))
OMP_CALL(void, get_schedule, (omp_sched_t *kind, int *chunk))
OMP_CALL(int, get_thread_limit, (void))
OMP_CALL(int, get_supported_active_levels, (void))
OMP_CALL(void, set_max_active_levels, (int levels))
OMP_CALL(int, get_max_active_levels, (void))
OMP_CALL(int, get_level, (void))
OMP_CALL(int, get_ancestor_thread_num, (int level))
OMP_CALL(int, get_team_size, (int level))
OMP_CALL(int, get_active_level, (void))
OMP_CALL(int, get_num_procs, (void))
OMP_CALL(int, get_num_teams, (void))
OMP_CALL(int, get_team_num, (void))
OMP_CALL(void, set_num_teams, (int teams))
OMP_CALL(int, get_max_teams, (void))
OMP_CALL(void, set_teams_thread_limit, (int threads))
OMP_CALL(int, get_teams_thread_limit, (void))

/* Affinity */
OMP_CALL(omp_proc_bind_t, get_proc_bind, (void))
OMP_CALL(int, get_num_places, (void))
OMP_CALL(int, get_place_num_procs, (int place))
OMP_CALL(void, get_place_proc_ids, (int place, int *ids))
OMP_CALL(int, get_place_num, (void))
OMP_CALL(int, get_partition_num_places, (void))
OMP_CALL(void, get_partition_place_nums, (int *places))
OMP_CALL(void, set_affinity_format, (const char *format))
OMP_CALL(size_t, get_affinity_format, (char *buffer, size_t size))
OMP_CALL(void, display_affinity, (const char *format))
OMP_CALL(size_t, capture_affinity, (char *buffer, size_t size, const char *format))

/* Tasks */
OMP_CALL(int, get_max_task_priority, (void))
OMP_CALL(int, in_final, (void))
OMP_CALL(int, in_explicit_task, (void))
OMP_CALL(void, fulfill_event, (omp_event_handle_t event))

/* Locks */
OMP_CALL(void, init_lock, (omp_lock_t *lock))
OMP_CALL(void, init_lock_with_hint, (omp_lock_t *lock, omp_sync_hint_t hint))
OMP_CALL(void, destroy_lock, (omp_lock_t *lock))
OMP_CALL(void, set_lock, (omp_lock_t *lock))
OMP_CALL(void, unset_lock, (omp_lock_t *lock))
OMP_CALL(int, test_lock, (omp_lock_t *lock))
OMP_CALL(void, init_nest_lock, (omp_nest_lock_t *lock))
OMP_CALL(void, init_nest_lock_with_hint, (omp_nest_lock_t *lock, omp_sync_hint_t hint))
OMP_CALL(void, destroy_nest_lock, (omp_nest_lock_t *lock))
OMP_CALL(void, set_nest_lock, (omp_nest_lock_t *lock))
OMP_CALL(void, unset_nest_lock, (omp_nest_lock_t *lock))
OMP_CALL(int, test_nest_lock, (omp_nest_lock_t *lock))

/* Time */
OMP_CALL(double, get_wtime, (void))
OMP_CALL(double, get_wtick, (void))

/* Memory */
OMP_CALL(omp_allocator_handle_t, init_allocator, (omp_memspace_handle_t space, int count, const omp_alloctrait_t *traits))
OMP_CALL(void, destroy_allocator, (omp_allocator_handle_t allocator))
OMP_CALL(void, set_default_allocator, (omp_allocator_handle_t allocator))
OMP_CALL(omp_allocator_handle_t, get_default_allocator, (void))
OMP_CALL(void *, alloc, (size_t size, omp_allocator_handle_t allocator OMP_DEFAULT(omp_null_allocator)))
OMP_CALL(void *, aligned_alloc, (size_t alignment, size_t size, omp_allocator_handle_t allocator OMP_DEFAULT(omp_null_allocator)))
OMP_CALL(void *, calloc, (size_t count, size_t size, omp_allocator_handle_t allocator OMP_DEFAULT(omp_null_allocator)))
OMP_CALL(void *, aligned_calloc, (size_t alignment, size_t count, size_t size, omp_allocator_handle_t allocator OMP_DEFAULT(omp_null_allocator)))
OMP_CALL(void *, realloc, (void *memory, size_t size, omp_allocator_handle_t allocator OMP_DEFAULT(omp_null_allocator), omp_allocator_handle_t free_allocator OMP_DEFAULT(omp_null_allocator)))
OMP_CALL(void, free, (void *memory, omp_allocator_handle_t allocator OMP_DEFAULT(omp_null_allocator)))

/* Devices */
OMP_CALL(void, set_default_device, (int device))
OMP_CALL(int, get_default_device, (void))
OMP_CALL(int, get_num_devices, (void))
OMP_CALL(int, get_device_num, (void))
OMP_CALL(int, is_initial_device, (void))
OMP_CALL(int, get_initial_device, (void))
OMP_CALL(void *, target_alloc, (size_t size, int device))
OMP_CALL(void, target_free, (void *memory, int device))
OMP_CALL(int, target_is_present, (const void *memory, int device))
OMP_CALL(int, target_is_accessible, (const void *memory, size_t size, int device))
OMP_CALL(int, target_memcpy, (void *to, const void *from, size_t size, size_t to_offset, size_t from_offset, int to_device, int from_device))
OMP_CALL(int, target_memcpy_rect, (void *to, const void *from, size_t element, int dimensions, const size_t *volume, const size_t *to_offsets, const size_t *from_offsets, const size_t *to_sizes, const size_t *from_sizes, int to_device, int from_device))
OMP_CALL(int, target_memcpy_async, (void *to, const void *from, size_t size, size_t to_offset, size_t from_offset, int to_device, int from_device, int count, omp_depend_t *depends))
OMP_CALL(int, target_memcpy_rect_async, (void *to, const void *from, size_t element, int dimensions, const size_t *volume, const size_t *to_offsets, const size_t *from_offsets, const size_t *to_sizes, const size_t *from_sizes, int to_device, int from_device, int count, omp_depend_t *depends))
OMP_CALL(int, target_associate_ptr, (const void *host, const void *memory, size_t size, size_t offset, int device))
OMP_CALL(int, target_disassociate_ptr, (const void *host, int device))
OMP_CALL(void *, get_mapped_ptr, (const void *host, int device))
OMP_CALL(int, get_num_interop_properties, (omp_interop_t interop))
OMP_CALL(omp_intptr_t, get_interop_int, (omp_interop_t interop, omp_interop_property_t property, int *error))
OMP_CALL(void *, get_interop_ptr, (omp_interop_t interop, omp_interop_property_t property, int *error))
OMP_CALL(const char *, get_interop_str, (omp_interop_t interop, omp_interop_property_t property, int *error))
OMP_CALL(const char *, get_interop_name, (omp_interop_t interop, omp_interop_property_t property))
OMP_CALL(const char *, get_interop_type_desc, (omp_interop_t interop, omp_interop_property_t property))
OMP_CALL(const char *, get_interop_rc_desc, (omp_interop_t interop, omp_interop_rc_t error))

/* The runtime itself */
OMP_CALL(int, pause_resource, (omp_pause_resource_t kind, int device))
OMP_CALL(int, pause_resource_all, (omp_pause_resource_t kind))
OMP_CALL(int, control_tool, (int command, int modifier, void *argument))
OMP_CALL(void, display_env, (int verbose))

#undef OMP_CALL
#undef OMP_DEFAULT
#undef OMP_HANDLE

#ifdef __cplusplus
}
#endif
#endif
