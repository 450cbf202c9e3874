#ifndef _FAASMRUN_SYS_QUEUE_H
#define _FAASMRUN_SYS_QUEUE_H
/* BSD's lists (queue(3)), those that glibc has. */
/* Singly-linked lists. */
#define SLIST_HEAD(name, type) struct name { struct type *slh_first; }
#define SLIST_HEAD_INITIALIZER(head) { 0 }
#define SLIST_ENTRY(type) struct { struct type *sle_next; }
#define SLIST_EMPTY(head) ((head)->slh_first == 0)
#define SLIST_FIRST(head) ((head)->slh_first)
#define SLIST_NEXT(e, field) ((e)->field.sle_next)
#define SLIST_INIT(head) do { (head)->slh_first = 0; } while (0)
#define SLIST_FOREACH(v, head, field) for ((v) = SLIST_FIRST(head); (v); (v) = SLIST_NEXT(v, field))
#define SLIST_INSERT_HEAD(head, e, field) \
	do { (e)->field.sle_next = (head)->slh_first; (head)->slh_first = (e); } while (0)
#define SLIST_INSERT_AFTER(at, e, field) \
	do { (e)->field.sle_next = (at)->field.sle_next; (at)->field.sle_next = (e); } while (0)
#define SLIST_REMOVE_HEAD(head, field) do { (head)->slh_first = (head)->slh_first->field.sle_next; } while (0)
#define SLIST_REMOVE(head, e, type, field) do { \
	struct type **__at = &(head)->slh_first; \
	while (*__at != (e)) { __at = &(*__at)->field.sle_next; } \
	*__at = (*__at)->field.sle_next; \
} while (0)
/* Lists: an entry knows the pointer to it. */
#define LIST_HEAD(name, type) struct name { struct type *lh_first; }
#define LIST_HEAD_INITIALIZER(head) { 0 }
#define LIST_ENTRY(type) struct { struct type *le_next, **le_prev; }
#define LIST_EMPTY(head) ((head)->lh_first == 0)
#define LIST_FIRST(head) ((head)->lh_first)
#define LIST_NEXT(e, field) ((e)->field.le_next)
#define LIST_INIT(head) do { (head)->lh_first = 0; } while (0)
#define LIST_FOREACH(v, head, field) for ((v) = LIST_FIRST(head); (v); (v) = LIST_NEXT(v, field))
#define __LIST_LINK(e, place, field) do { \
	(e)->field.le_prev = (place); \
	(e)->field.le_next = *(place); \
	if (*(place)) { (*(place))->field.le_prev = &(e)->field.le_next; } \
	*(place) = (e); \
} while (0)
#define LIST_INSERT_HEAD(head, e, field) __LIST_LINK(e, &(head)->lh_first, field)
#define LIST_INSERT_AFTER(at, e, field) __LIST_LINK(e, &(at)->field.le_next, field)
#define LIST_INSERT_BEFORE(at, e, field) do { \
	(e)->field.le_prev = (at)->field.le_prev; \
	(e)->field.le_next = (at); \
	*(at)->field.le_prev = (e); \
	(at)->field.le_prev = &(e)->field.le_next; \
} while (0)
#define LIST_REMOVE(e, field) do { \
	if ((e)->field.le_next) { (e)->field.le_next->field.le_prev = (e)->field.le_prev; } \
	*(e)->field.le_prev = (e)->field.le_next; \
} while (0)
/* Singly-linked tail queues; SIMPLEQ is their other name. */
#define STAILQ_HEAD(name, type) struct name { struct type *stqh_first, **stqh_last; }
#define STAILQ_HEAD_INITIALIZER(head) { 0, &(head).stqh_first }
#define STAILQ_ENTRY(type) struct { struct type *stqe_next; }
#define STAILQ_EMPTY(head) ((head)->stqh_first == 0)
#define STAILQ_FIRST(head) ((head)->stqh_first)
#define STAILQ_NEXT(e, field) ((e)->field.stqe_next)
#define STAILQ_INIT(head) do { (head)->stqh_first = 0; (head)->stqh_last = &(head)->stqh_first; } while (0)
#define STAILQ_FOREACH(v, head, field) for ((v) = STAILQ_FIRST(head); (v); (v) = STAILQ_NEXT(v, field))
#define __STAILQ_LINK(head, e, place, field) do { \
	if (((e)->field.stqe_next = *(place)) == 0) { (head)->stqh_last = &(e)->field.stqe_next; } \
	*(place) = (e); \
} while (0)
#define STAILQ_INSERT_HEAD(head, e, field) __STAILQ_LINK(head, e, &(head)->stqh_first, field)
#define STAILQ_INSERT_AFTER(head, at, e, field) __STAILQ_LINK(head, e, &(at)->field.stqe_next, field)
#define STAILQ_INSERT_TAIL(head, e, field) \
	do { (e)->field.stqe_next = 0; *(head)->stqh_last = (e); (head)->stqh_last = &(e)->field.stqe_next; } while (0)
#define STAILQ_REMOVE_HEAD(head, field) do { \
	if (((head)->stqh_first = (head)->stqh_first->field.stqe_next) == 0) { (head)->stqh_last = &(head)->stqh_first; } \
} while (0)
#define STAILQ_REMOVE(head, e, type, field) do { \
	struct type **__at = &(head)->stqh_first; \
	while (*__at != (e)) { __at = &(*__at)->field.stqe_next; } \
	if ((*__at = (*__at)->field.stqe_next) == 0) { (head)->stqh_last = __at; } \
} while (0)
#define STAILQ_CONCAT(to, from) do { \
	if ((from)->stqh_first) { \
		*(to)->stqh_last = (from)->stqh_first; \
		(to)->stqh_last = (from)->stqh_last; \
		STAILQ_INIT(from); \
	} \
} while (0)
#define SIMPLEQ_HEAD(name, type) struct name { struct type *sqh_first, **sqh_last; }
#define SIMPLEQ_HEAD_INITIALIZER(head) { 0, &(head).sqh_first }
#define SIMPLEQ_ENTRY(type) struct { struct type *sqe_next; }
#define SIMPLEQ_EMPTY(head) ((head)->sqh_first == 0)
#define SIMPLEQ_FIRST(head) ((head)->sqh_first)
#define SIMPLEQ_NEXT(e, field) ((e)->field.sqe_next)
#define SIMPLEQ_INIT(head) do { (head)->sqh_first = 0; (head)->sqh_last = &(head)->sqh_first; } while (0)
#define SIMPLEQ_FOREACH(v, head, field) for ((v) = SIMPLEQ_FIRST(head); (v); (v) = SIMPLEQ_NEXT(v, field))
#define __SIMPLEQ_LINK(head, e, place, field) do { \
	if (((e)->field.sqe_next = *(place)) == 0) { (head)->sqh_last = &(e)->field.sqe_next; } \
	*(place) = (e); \
} while (0)
#define SIMPLEQ_INSERT_HEAD(head, e, field) __SIMPLEQ_LINK(head, e, &(head)->sqh_first, field)
#define SIMPLEQ_INSERT_AFTER(head, at, e, field) __SIMPLEQ_LINK(head, e, &(at)->field.sqe_next, field)
#define SIMPLEQ_INSERT_TAIL(head, e, field) \
	do { (e)->field.sqe_next = 0; *(head)->sqh_last = (e); (head)->sqh_last = &(e)->field.sqe_next; } while (0)
#define SIMPLEQ_REMOVE_HEAD(head, field) do { \
	if (((head)->sqh_first = (head)->sqh_first->field.sqe_next) == 0) { (head)->sqh_last = &(head)->sqh_first; } \
} while (0)
#define SIMPLEQ_REMOVE(head, e, type, field) do { \
	struct type **__at = &(head)->sqh_first; \
	while (*__at != (e)) { __at = &(*__at)->field.sqe_next; } \
	if ((*__at = (*__at)->field.sqe_next) == 0) { (head)->sqh_last = __at; } \
} while (0)
/* Tail queues, in both directions. */
#define TAILQ_HEAD(name, type) struct name { struct type *tqh_first, **tqh_last; }
#define TAILQ_HEAD_INITIALIZER(head) { 0, &(head).tqh_first }
#define TAILQ_ENTRY(type) struct { struct type *tqe_next, **tqe_prev; }
#define TAILQ_EMPTY(head) ((head)->tqh_first == 0)
#define TAILQ_FIRST(head) ((head)->tqh_first)
#define TAILQ_NEXT(e, field) ((e)->field.tqe_next)
#define TAILQ_LAST(head, name) (*((struct name *)(void *)((head)->tqh_last))->tqh_last)
#define TAILQ_PREV(e, name, field) (*((struct name *)(void *)((e)->field.tqe_prev))->tqh_last)
#define TAILQ_INIT(head) do { (head)->tqh_first = 0; (head)->tqh_last = &(head)->tqh_first; } while (0)
#define TAILQ_FOREACH(v, head, field) for ((v) = TAILQ_FIRST(head); (v); (v) = TAILQ_NEXT(v, field))
#define TAILQ_FOREACH_REVERSE(v, head, name, field) \
	for ((v) = TAILQ_LAST(head, name); (v); (v) = TAILQ_PREV(v, name, field))
#define __TAILQ_LINK(head, e, place, field) do { \
	(e)->field.tqe_prev = (place); \
	if (((e)->field.tqe_next = *(place)) != 0) { (e)->field.tqe_next->field.tqe_prev = &(e)->field.tqe_next; } \
	else { (head)->tqh_last = &(e)->field.tqe_next; } \
	*(place) = (e); \
} while (0)
#define TAILQ_INSERT_HEAD(head, e, field) __TAILQ_LINK(head, e, &(head)->tqh_first, field)
#define TAILQ_INSERT_AFTER(head, at, e, field) __TAILQ_LINK(head, e, &(at)->field.tqe_next, field)
#define TAILQ_INSERT_TAIL(head, e, field) do { \
	(e)->field.tqe_next = 0; \
	(e)->field.tqe_prev = (head)->tqh_last; \
	*(head)->tqh_last = (e); \
	(head)->tqh_last = &(e)->field.tqe_next; \
} while (0)
#define TAILQ_INSERT_BEFORE(at, e, field) do { \
	(e)->field.tqe_prev = (at)->field.tqe_prev; \
	(e)->field.tqe_next = (at); \
	*(at)->field.tqe_prev = (e); \
	(at)->field.tqe_prev = &(e)->field.tqe_next; \
} while (0)
#define TAILQ_REMOVE(head, e, field) do { \
	if ((e)->field.tqe_next) { (e)->field.tqe_next->field.tqe_prev = (e)->field.tqe_prev; } \
	else { (head)->tqh_last = (e)->field.tqe_prev; } \
	*(e)->field.tqe_prev = (e)->field.tqe_next; \
} while (0)
#define TAILQ_CONCAT(to, from, field) do { \
	if ((from)->tqh_first) { \
		*(to)->tqh_last = (from)->tqh_first; \
		(from)->tqh_first->field.tqe_prev = (to)->tqh_last; \
		(to)->tqh_last = (from)->tqh_last; \
		TAILQ_INIT(from); \
	} \
} while (0)
#endif
