/* obstack.h's stacks: chunks of memory, in the last of which an object grows. Objects end at multiples of the alignment. */
#include <obstack.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define WEAK __attribute__((weak))

WEAK int obstack_exit_failure = EXIT_FAILURE;

static void out_of_memory(void)
{
	fputs("memory exhausted\n", stderr);
	exit(obstack_exit_failure);
}

WEAK void (*obstack_alloc_failed_handler)(void) = out_of_memory;

/* The functions that take no argument are called as what they are. */
static struct _obstack_chunk *get(struct obstack *h, size_t size)
{
	void *chunk = h->use_extra_arg ? h->chunkfun(h->extra_arg, size) : ((void *(*)(size_t))(void *)h->chunkfun)(size);
	if (!chunk) {
		obstack_alloc_failed_handler();
	}
	return chunk;
}

static void release(struct obstack *h, struct _obstack_chunk *chunk)
{
	if (h->use_extra_arg) {
		h->freefun(h->extra_arg, chunk);
	} else {
		((void (*)(void *))(void *)h->freefun)(chunk);
	}
}

static char *aligned(const struct obstack *h, char *at)
{
	return (char *)(((uintptr_t)at + h->alignment_mask) & ~(uintptr_t)h->alignment_mask);
}

static int begin(struct obstack *h, size_t size, size_t alignment)
{
	h->alignment_mask = (alignment ? alignment : 16) - 1;
	h->chunk_size = size ? size : 4096 - 32; /* a page with malloc's part of it */
	h->chunk = NULL;
	struct _obstack_chunk *chunk = get(h, h->chunk_size);
	chunk->limit = h->chunk_limit = (char *)chunk + h->chunk_size;
	chunk->prev = NULL;
	h->chunk = chunk;
	h->object_base = h->next_free = aligned(h, chunk->contents);
	h->maybe_empty_object = 0;
	return 1;
}

WEAK int _obstack_begin(struct obstack *h, size_t size, size_t alignment, void *(*alloc)(size_t), void (*free)(void *))
{
	h->chunkfun = (void *(*)(void *, size_t))(void *)alloc;
	h->freefun = (void (*)(void *, void *))(void *)free;
	h->use_extra_arg = 0;
	return begin(h, size, alignment);
}

WEAK int _obstack_begin_1(struct obstack *h, size_t size, size_t alignment, void *(*alloc)(void *, size_t),
	void (*free)(void *, void *), void *arg)
{
	h->chunkfun = alloc;
	h->freefun = free;
	h->extra_arg = arg;
	h->use_extra_arg = 1;
	return begin(h, size, alignment);
}

/* A chunk with room for the object so far and length bytes more. */
WEAK void _obstack_newchunk(struct obstack *h, size_t length)
{
	size_t grown = obstack_object_size(h), size = grown + length + (grown >> 3) + h->alignment_mask + 100;
	if (size < length) {
		obstack_alloc_failed_handler();
	}
	size = size < h->chunk_size ? h->chunk_size : size;
	struct _obstack_chunk *old = h->chunk, *chunk = get(h, size);
	chunk->prev = old;
	chunk->limit = h->chunk_limit = (char *)chunk + size;
	h->chunk = chunk;
	char *base = aligned(h, chunk->contents);
	memcpy(base, h->object_base, grown);
	if (!h->maybe_empty_object && h->object_base == aligned(h, old->contents)) {
		chunk->prev = old->prev; /* it held nothing else */
		release(h, old);
	}
	h->object_base = base;
	h->next_free = base + grown;
	h->maybe_empty_object = 0;
}

WEAK void *__obstack_finish(struct obstack *h)
{
	char *object = h->object_base;
	if (h->next_free == object) {
		h->maybe_empty_object = 1;
	}
	h->next_free = aligned(h, h->next_free);
	if (h->next_free > h->chunk_limit) {
		h->next_free = h->chunk_limit;
	}
	h->object_base = h->next_free;
	return object;
}

static int holds(const struct _obstack_chunk *chunk, const void *object)
{
	return (const char *)object > (const char *)chunk && (const char *)object <= chunk->limit;
}

/* Frees the object and all after it, or all for NULL. */
WEAK void _obstack_free(struct obstack *h, void *object)
{
	struct _obstack_chunk *chunk = h->chunk;
	while (chunk && !(object && holds(chunk, object))) {
		struct _obstack_chunk *prev = chunk->prev;
		release(h, chunk);
		chunk = prev;
		h->maybe_empty_object = 1; /* an empty object may end this one */
	}
	h->chunk = chunk;
	if (chunk) {
		h->object_base = h->next_free = object;
		h->chunk_limit = chunk->limit;
	} else if (object) {
		abort();
	}
}

#undef obstack_free
WEAK void obstack_free(struct obstack *h, void *object) { _obstack_free(h, object); }

WEAK int _obstack_allocated_p(struct obstack *h, void *object)
{
	struct _obstack_chunk *chunk = h->chunk;
	while (chunk && !holds(chunk, object)) {
		chunk = chunk->prev;
	}
	return chunk != NULL;
}

WEAK size_t _obstack_memory_used(struct obstack *h)
{
	size_t sum = 0;
	for (struct _obstack_chunk *chunk = h->chunk; chunk; chunk = chunk->prev) {
		sum += (size_t)(chunk->limit - (char *)chunk);
	}
	return sum;
}

/* What was printed becomes part of the growing object. */
WEAK int obstack_vprintf(struct obstack *h, const char *format, va_list args)
{
	char *text;
	int length = vasprintf(&text, format, args);
	if (length >= 0) {
		obstack_grow(h, text, (size_t)length);
		free(text);
	}
	return length;
}

WEAK int obstack_printf(struct obstack *h, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int length = obstack_vprintf(h, format, args);
	va_end(args);
	return length;
}
