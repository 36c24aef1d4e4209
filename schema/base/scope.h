/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/err.h"

/*
 * Scope: one unit of work, a request, a job, a batch, an audit step.
 *
 * Owns every byte allocated while it lasts (an arena that dies at once), the
 * time by which the work must be done, and the first reason why it failed.
 * Not thread-safe: one thread at a time, handed over whole.
 *
 *   struct scope s;
 *   scope_init(&s, 5000);
 *   char *text = scope_printf(&s, "%s/%s", owner, name);
 *   scope_free(&s);
 *
 * Running out of memory aborts, so sizes from outside are bounded by
 * limits.h before they are allocated. Memory from a scope is zeroed but for scope_room().
 */
#define SCOPE_DETAIL_MAX 512
#define SCOPE_POINTER_MAX 256

struct arena_block;

struct scope {
    struct arena_block *blocks;      /* newest first; private to scope.c */
    size_t  bytes;                   /* allocated so far */
    int64_t deadline_ms;             /* on the monotonic clock (clock.h); 0: none */
    struct {
        err code;                    /* ERR_OK until the first fail() */
        const char *file;            /* static */
        int line;
        char detail[SCOPE_DETAIL_MAX];    /* a sentence; shown to callers for FAULT_CALLER only */
        const char *reason;          /* static: a stable code out of a closed list, or NULL */
        char pointer[SCOPE_POINTER_MAX];  /* JSON pointer to the fault in the body, or "" */
    } why;
};

void  scope_init(struct scope *s, int64_t timeout_ms);   /* 0: no deadline */
struct scope scope_within(const struct scope *s);        /* for a part of its work: it has the same deadline */
err   scope_end(struct scope *s, struct scope *part, err e);    /* frees the part; e, whose reason is s's then */
void  scope_free(struct scope *s);
void  scope_clear(struct scope *s);                      /* frees bytes and reason, keeps the deadline */
void  scope_reuse(struct scope *s);                      /* the same, but keeps memory for work like the last */
#define SCOPE_REUSE_MAX (4 << 20)                        /* bytes that it keeps at most */
size_t scope_held(const struct scope *s);                /* bytes of memory that it has, in use or kept */
void *scope_alloc(struct scope *s, size_t size, size_t align);
void *scope_room(struct scope *s, size_t len);           /* not zeroed: for bytes that are read or copied into it */
char *scope_strdup(struct scope *s, const char *text);
char *scope_strndup(struct scope *s, const char *text, size_t len);   /* NUL-terminated copy */
void *scope_memdup(struct scope *s, const void *bytes, size_t len);
char *scope_printf(struct scope *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
int64_t scope_left_ms(const struct scope *s);            /* time left; INT32_MAX without a deadline, never negative */

#define NEW(s, type)      ((type *)scope_alloc((s), sizeof(type), _Alignof(type)))
#define NEWS(s, type, n)  ((type *)scope_alloc((s), sizeof(type) * (n), _Alignof(type)))
#define ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))

/* Record the origin of a failure (the first one wins) and return its code. */
#define fail(s, e, ...) scope_fail((s), (e), __FILE__, __LINE__, __VA_ARGS__)
err scope_fail(struct scope *s, err e, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The same with a JSON pointer into the request body, for `errors[]` of a problem document. */
#define fail_at(s, e, ptr, ...) scope_fail_at((s), (e), __FILE__, __LINE__, (ptr), __VA_ARGS__)
err scope_fail_at(struct scope *s, err e, const char *file, int line, const char *pointer,
                  const char *format, ...) __attribute__((format(printf, 6, 7)));

/*
 * The same with a stable reason code, static, which the detail then begins with: "expired: it is no longer valid". For
 * refusals that come from one of our tables.
 */
#define fail_for(s, e, reason, ptr, ...) scope_fail_for((s), (e), __FILE__, __LINE__, (reason), (ptr), __VA_ARGS__)
err scope_fail_for(struct scope *s, err e, const char *file, int line, const char *reason, const char *pointer,
                   const char *format, ...) __attribute__((format(printf, 7, 8)));

/* Forget a failure that was handled, so that the next one is the first again. */
void scope_forgive(struct scope *s);
