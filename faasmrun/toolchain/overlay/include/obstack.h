#ifndef _FAASMRUN_OBSTACK_H
#define _FAASMRUN_OBSTACK_H
/* Stacks of objects that grow, as glibc's manual describes them. The program names its obstack_chunk_alloc and
 * obstack_chunk_free. */
#include <stddef.h>
#include <string.h>
#ifdef __cplusplus
extern "C" {
#endif
struct _obstack_chunk {
	char *limit;
	struct _obstack_chunk *prev;
	char contents[4];
};
struct obstack {
	size_t chunk_size;
	struct _obstack_chunk *chunk;
	char *object_base, *next_free, *chunk_limit;
	union {
		size_t i;
		void *p;
	} temp;
	size_t alignment_mask;
	void *(*chunkfun)(void *, size_t);
	void (*freefun)(void *, void *);
	void *extra_arg;
	unsigned use_extra_arg : 1, maybe_empty_object : 1;
};
extern void (*obstack_alloc_failed_handler)(void);
extern int obstack_exit_failure;
void _obstack_newchunk(struct obstack *, size_t);
void _obstack_free(struct obstack *, void *);
int _obstack_begin(struct obstack *, size_t, size_t, void *(*)(size_t), void (*)(void *));
int _obstack_begin_1(struct obstack *, size_t, size_t, void *(*)(void *, size_t), void (*)(void *, void *), void *);
size_t _obstack_memory_used(struct obstack *);
int _obstack_allocated_p(struct obstack *, void *);
void *__obstack_finish(struct obstack *);
void obstack_free(struct obstack *, void *);
#ifdef __cplusplus
}
#endif
#define obstack_base(h) ((void *)(h)->object_base)
#define obstack_chunk_size(h) ((h)->chunk_size)
#define obstack_next_free(h) ((void *)(h)->next_free)
#define obstack_alignment_mask(h) ((h)->alignment_mask)
#define obstack_memory_used(h) _obstack_memory_used(h)
#define __OBSTACK_ALLOC ((void *(*)(size_t))obstack_chunk_alloc)
#define __OBSTACK_FREE ((void (*)(void *))obstack_chunk_free)
#define obstack_init(h) _obstack_begin((h), 0, 0, __OBSTACK_ALLOC, __OBSTACK_FREE)
#define obstack_begin(h, size) _obstack_begin((h), (size), 0, __OBSTACK_ALLOC, __OBSTACK_FREE)
#define obstack_specify_allocation(h, size, alignment, alloc, release) \
	_obstack_begin((h), (size), (alignment), (void *(*)(size_t))(alloc), (void (*)(void *))(release))
#define obstack_specify_allocation_with_arg(h, size, alignment, alloc, release, arg) \
	_obstack_begin_1((h), (size), (alignment), (void *(*)(void *, size_t))(alloc), (void (*)(void *, void *))(release), (arg))
#define obstack_chunkfun(h, f) ((void)((h)->chunkfun = (void *(*)(void *, size_t))(f)))
#define obstack_freefun(h, f) ((void)((h)->freefun = (void (*)(void *, void *))(f)))
#define obstack_object_size(h) ((size_t)((h)->next_free - (h)->object_base))
#define obstack_room(h) ((size_t)((h)->chunk_limit - (h)->next_free))
#define obstack_empty_p(h) \
	((h)->chunk->prev == 0 && (h)->next_free - (h)->chunk->contents <= (ptrdiff_t)(h)->alignment_mask)
#define obstack_1grow_fast(h, c) ((void)(*(h)->next_free++ = (char)(c)))
#define obstack_blank_fast(h, n) ((void)((h)->next_free += (n)))
#define obstack_ptr_grow_fast(h, p) \
	__extension__({ const void *__p = (p); memcpy((h)->next_free, &__p, sizeof __p); (h)->next_free += sizeof __p; (void)0; })
#define obstack_int_grow_fast(h, i) \
	__extension__({ int __i = (i); memcpy((h)->next_free, &__i, sizeof __i); (h)->next_free += sizeof __i; (void)0; })
#define obstack_make_room(h, n) \
	__extension__({ struct obstack *__o = (h); size_t __n = (n); if (obstack_room(__o) < __n) _obstack_newchunk(__o, __n); (void)0; })
#define obstack_grow(h, from, n) \
	__extension__({ struct obstack *__g = (h); size_t __l = (n); obstack_make_room(__g, __l); \
		memcpy(__g->next_free, (from), __l); __g->next_free += __l; (void)0; })
#define obstack_grow0(h, from, n) \
	__extension__({ struct obstack *__g = (h); size_t __l = (n); obstack_make_room(__g, __l + 1); \
		memcpy(__g->next_free, (from), __l); __g->next_free += __l; *__g->next_free++ = 0; (void)0; })
#define obstack_1grow(h, c) \
	__extension__({ struct obstack *__g = (h); obstack_make_room(__g, 1); obstack_1grow_fast(__g, c); })
#define obstack_ptr_grow(h, p) \
	__extension__({ struct obstack *__g = (h); obstack_make_room(__g, sizeof(void *)); obstack_ptr_grow_fast(__g, p); })
#define obstack_int_grow(h, i) \
	__extension__({ struct obstack *__g = (h); obstack_make_room(__g, sizeof(int)); obstack_int_grow_fast(__g, i); })
#define obstack_blank(h, n) \
	__extension__({ struct obstack *__g = (h); size_t __l = (n); obstack_make_room(__g, __l); obstack_blank_fast(__g, __l); })
#define obstack_finish(h) __obstack_finish(h)
#define obstack_alloc(h, n) \
	__extension__({ struct obstack *__a = (h); obstack_blank(__a, (n)); obstack_finish(__a); })
#define obstack_copy(h, from, n) \
	__extension__({ struct obstack *__a = (h); obstack_grow(__a, (from), (n)); obstack_finish(__a); })
#define obstack_copy0(h, from, n) \
	__extension__({ struct obstack *__a = (h); obstack_grow0(__a, (from), (n)); obstack_finish(__a); })
#define obstack_free(h, object) _obstack_free((h), (object))
#endif
