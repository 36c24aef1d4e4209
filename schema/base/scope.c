/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/scope.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"

#define BLOCK_MIN 8192

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char bytes[];
};

void scope_init(struct scope *s, int64_t timeout_ms)
{
    *s = (struct scope){ .deadline_ms = timeout_ms > 0 ? clock_monotonic_ms() + timeout_ms : 0 };
}

static void release(struct scope *s)
{
    while (s->blocks) {
        struct arena_block *next = s->blocks->next;
        free(s->blocks);
        s->blocks = next;
    }
    s->bytes = 0;
}

void scope_free(struct scope *s)
{
    release(s);
    *s = (struct scope){ 0 };
}

struct scope scope_within(const struct scope *s)
{
    return (struct scope){ .deadline_ms = s->deadline_ms };
}

err scope_end(struct scope *s, struct scope *part, err e)
{
    if (e != ERR_OK)
        s->why = part->why;
    scope_free(part);
    return e;
}

void scope_clear(struct scope *s)
{
    release(s);
    scope_forgive(s);
}

static struct arena_block *block_add(struct scope *s, size_t need)
{
    size_t size = need > BLOCK_MIN ? need : BLOCK_MIN;
    struct arena_block *b = malloc(sizeof(*b) + size);

    if (!b)
        abort();
    b->used = 0;
    b->size = size;
    b->next = s->blocks;
    s->blocks = b;
    return b;
}

size_t scope_held(const struct scope *s)
{
    size_t room = 0;

    for (const struct arena_block *each = s->blocks; each; each = each->next)
        room += each->size;
    return room;
}

/* One block as large as all of them were takes their place: after the first time nothing is allocated any more. */
void scope_reuse(struct scope *s)
{
    struct arena_block *b = s->blocks;
    size_t room = scope_held(s);

    if (b && !b->next && room <= SCOPE_REUSE_MAX) {
        b->used = 0;
        s->bytes = 0;
    } else {
        release(s);
        if (room > 0 && room <= SCOPE_REUSE_MAX)
            block_add(s, room);
    }
    scope_forgive(s);
}

static void *place(struct scope *s, size_t size, size_t align)
{
    struct arena_block *b = s->blocks;
    size_t start;

    assert(align && (align & (align - 1)) == 0 && align <= _Alignof(max_align_t));
    assert(size <= SIZE_MAX / 2);
    if (size == 0)
        size = 1;
    start = b ? (b->used + align - 1) & ~(align - 1) : 0;
    if (!b || start + size > b->size) {
        b = block_add(s, size);
        start = 0;
    }
    b->used = start + size;
    s->bytes += size;
    return b->bytes + start;
}

void *scope_alloc(struct scope *s, size_t size, size_t align)
{
    return memset(place(s, size, align), 0, size ? size : 1);
}

void *scope_room(struct scope *s, size_t len)
{
    return place(s, len, _Alignof(max_align_t));
}

void *scope_memdup(struct scope *s, const void *bytes, size_t len)
{
    void *copy = scope_room(s, len);

    if (len)
        memcpy(copy, bytes, len);
    return copy;
}

char *scope_strndup(struct scope *s, const char *text, size_t len)
{
    char *copy = scope_alloc(s, len + 1, 1);

    if (len)
        memcpy(copy, text, len);
    return copy;
}

char *scope_strdup(struct scope *s, const char *text)
{
    return scope_strndup(s, text, strlen(text));
}

char *scope_printf(struct scope *s, const char *format, ...)
{
    va_list ap, again;
    char *text;
    int len;

    va_start(ap, format);
    va_copy(again, ap);
    len = vsnprintf(NULL, 0, format, ap);
    assert(len >= 0);
    text = scope_alloc(s, (size_t)len + 1, 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    va_end(ap);
    return text;
}

int64_t scope_left_ms(const struct scope *s)
{
    int64_t left;

    if (s->deadline_ms == 0)
        return INT32_MAX;
    left = s->deadline_ms - clock_monotonic_ms();
    return left > 0 ? left : 0;
}

static err record(struct scope *s, err e, const char *file, int line, const char *pointer,
                  const char *format, va_list ap)
{
    size_t head;

    assert(e != ERR_OK);
    if (s->why.code != ERR_OK)
        return e;
    s->why.code = e;
    s->why.file = file;
    s->why.line = line;
    head = strlen(s->why.detail);                   /* of a code */
    vsnprintf(s->why.detail + head, sizeof s->why.detail - head, format, ap);
    snprintf(s->why.pointer, sizeof s->why.pointer, "%s", pointer);
    return e;
}

err scope_fail(struct scope *s, err e, const char *file, int line, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    e = record(s, e, file, line, "", format, ap);
    va_end(ap);
    return e;
}

err scope_fail_at(struct scope *s, err e, const char *file, int line, const char *pointer,
                  const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    e = record(s, e, file, line, pointer, format, ap);
    va_end(ap);
    return e;
}

err scope_fail_for(struct scope *s, err e, const char *file, int line, const char *reason, const char *pointer,
                   const char *format, ...)
{
    va_list ap;

    if (s->why.code == ERR_OK) {
        s->why.reason = reason;
        snprintf(s->why.detail, sizeof s->why.detail, "%s: ", reason);
    }
    va_start(ap, format);
    e = record(s, e, file, line, pointer, format, ap);
    va_end(ap);
    return e;
}

void scope_forgive(struct scope *s)
{
    memset(&s->why, 0, sizeof s->why);
}
