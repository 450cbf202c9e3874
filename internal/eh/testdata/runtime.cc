// The least that C++ exceptions and longjmp need beneath them: what the libraries of a complete toolchain hold, for
// Debian's, which are built without. One exception is in flight at a time or kept by the catches that are open.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <typeinfo>

namespace {
// How libc++abi lays out type information: a catch asks its own type whether it takes a thrown one.
struct Catchable : std::type_info {
	virtual void noop1() const;
	virtual void noop2() const;
	virtual bool can_catch(const Catchable *thrown, void *&adjusted) const = 0;
};

struct Exception {
	const Catchable *type;
	void *(*destroy)(void *);
	void *adjusted;
	Exception *below;  // the exception that was being handled before this one
	int handlers;      // catches that hold it
	bool rethrown;
	alignas(16) uint64_t header[4]; // what the instruction throws the address of
	void *object() { return this + 1; }
};

Exception *of(void *header) {
	return reinterpret_cast<Exception *>(static_cast<char *>(header) - offsetof(Exception, header));
}

Exception *handled; // the innermost one that a catch holds

uint32_t uleb(const uint8_t *&p) {
	uint32_t v = 0;
	for (int shift = 0;; shift += 7) {
		v |= (*p & 0x7f) << shift;
		if (*p++ < 0x80) return v;
	}
}

int32_t sleb(const uint8_t *&p) {
	int32_t v = 0;
	for (int shift = 0;;) {
		uint8_t c = *p++;
		v |= (c & 0x7f) << shift;
		shift += 7;
		if (c < 0x80) return shift < 32 && (c & 0x40) ? v | (int32_t)(~0u << shift) : v;
	}
}
} // namespace

extern "C" {
// Set by the landing pad: its number and its function's table. Selector is the answer: which catch takes the exception.
thread_local struct {
	uint32_t index;
	const uint8_t *table;
	uint32_t selector;
} __wasm_lpad_context;

int __gxx_personality_wasm0(...) { return 0; }

int _Unwind_CallPersonality(void *header) {
	Exception *e = of(header);
	const uint8_t *p = __wasm_lpad_context.table;
	__wasm_lpad_context.selector = 0;
	if (*p++ != 0xff) abort();                   // the landing pads' base is left out
	bool types = *p++ != 0xff;                   // else the table ends in no types
	const uint8_t *last = nullptr;
	if (types) {
		uint32_t offset = uleb(p);
		last = p + offset;
	}
	p++;                                         // call sites are LEBs
	uint32_t size = uleb(p);
	const uint8_t *actions = p + size;
	for (uint32_t i = 0;; i++) {
		uleb(p);                                   // the landing pad itself
		uint32_t action = uleb(p);
		if (i != __wasm_lpad_context.index) continue;
		if (action == 0) return 0;                 // a cleanup
		for (const uint8_t *a = actions + action - 1;;) {
			int32_t type = sleb(a);
			const uint8_t *at = a;
			int32_t next = sleb(a);
			if (type > 0) {
				const Catchable *want = *reinterpret_cast<const Catchable *const *>(last - 4 * type);
				void *adjusted = e->object();
				if (!want || want->can_catch(e->type, adjusted)) {
					e->adjusted = adjusted;
					__wasm_lpad_context.selector = type;
					return 0;
				}
			}
			if (next == 0) return 0;
			a = at + next;
		}
	}
}

void *__cxa_allocate_exception(size_t n) {
	return static_cast<Exception *>(calloc(1, sizeof(Exception) + n))->object();
}

void __cxa_free_exception(void *object) { free(static_cast<Exception *>(object) - 1); }

[[noreturn]] void __cxa_throw(void *object, std::type_info *type, void *(*destroy)(void *)) {
	Exception *e = static_cast<Exception *>(object) - 1;
	e->type = static_cast<Catchable *>(type);
	e->destroy = destroy;
	__builtin_wasm_throw(0, e->header);
}

void *__cxa_get_exception_ptr(void *header) { return of(header)->adjusted; }

void *__cxa_begin_catch(void *header) {
	Exception *e = of(header);
	e->rethrown = false;
	e->handlers++;
	if (handled != e) {
		e->below = handled;
		handled = e;
	}
	return e->adjusted;
}

void __cxa_end_catch() {
	Exception *e = handled;
	if (--e->handlers > 0) return;
	handled = e->below;
	if (e->rethrown) return;
	if (e->destroy) e->destroy(e->object());
	free(e);
}

[[noreturn]] void __cxa_rethrow() {
	handled->rethrown = true;
	__builtin_wasm_throw(0, handled->header);
}

// longjmp throws by another tag the address of what setjmp's function looks at.
struct Jump {
	void *function;
	uint32_t label;
	struct {
		void *env;
		int value;
	} argument;
};

void __wasm_setjmp(Jump *j, uint32_t label, void *function) {
	j->function = function;
	j->label = label;
}

uint32_t __wasm_setjmp_test(Jump *j, void *function) { return j->function == function ? j->label : 0; }

void __wasm_longjmp(Jump *j, int value) {
	j->argument.env = j;
	j->argument.value = value ? value : 1;
	__builtin_wasm_throw(1, &j->argument);
}
}
