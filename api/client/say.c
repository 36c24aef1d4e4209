/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/bytes.h"
#include "schema/base/clock.h"

#define DRAW_TERMINAL_MS 100
#define DRAW_LINES_MS    5000

static char *escaped(struct scope *s, const char *text, bool lines)
{
    bool utf8 = utf8_valid(text, strlen(text));
    struct buf b = BUF(s);

    buf_add(&b, "", 0);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        bool c1 = utf8 && p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;      /* U+0080 to U+009F */
        bool control = (*p < 0x20 && !(lines && *p == '\n')) || *p == 0x7f;
        if (control || c1 || (!utf8 && *p >= 0x80))
            buf_printf(&b, "\\x%02x", *p);
        else
            buf_char(&b, (char)*p);
        if (c1)
            buf_printf(&b, "\\x%02x", *++p);
    }
    return b.p;
}

char *printable(struct scope *s, const char *text)
{
    return escaped(s, text, false);
}

static void line_put(FILE *f, const char *before, const char *format, va_list ap)
{
    struct scope s;
    char *text;

    if (vasprintf(&text, format, ap) < 0)
        abort();
    scope_init(&s, 0);
    flockfile(f);
    fprintf(f, "%s%s\n", before, escaped(&s, text, true));
    fflush(f);
    funlockfile(f);
    scope_free(&s);
    free(text);
}

void say(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    line_put(stdout, "", format, ap);
    va_end(ap);
}

void complain(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    line_put(stderr, "counterfoil: ", format, ap);
    va_end(ap);
}

void say_json(const json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
    putchar('\n');
    fflush(stdout);
}

char *size_text(struct scope *s, int64_t bytes)
{
    static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB", "PB" };
    int64_t whole = bytes, tenth = 0;
    size_t u = 0;

    for (; whole >= 1000 && u + 1 < ARRAY_LEN(units); u++) {
        tenth = whole % 1000 / 100;
        whole /= 1000;
    }
    if (u == 0 || whole >= 100)
        return scope_printf(s, "%lld %s", (long long)whole, units[u]);
    return scope_printf(s, "%lld.%lld %s", (long long)whole, (long long)tenth, units[u]);
}

char *count_text(struct scope *s, uint64_t n, const char *one, const char *many)
{
    return scope_printf(s, "%llu %s", (unsigned long long)n, n == 1 ? one : many);
}

void progress_start(struct progress *p, const char *what, uint64_t things, uint64_t bytes)
{
    memset(p, 0, sizeof *p);
    p->what = what;
    p->things = things;
    p->bytes = bytes;
    p->started_ms = clock_monotonic_ms();
    atomic_init(&p->drawn_ms, p->started_ms);
    p->terminal = isatty(STDERR_FILENO) == 1;
    pthread_mutex_init(&p->lock, NULL);
}

/* Things a second, and how long the others take at that rate; said once a second has shown one. */
static void draw_rate(const struct progress *p, struct buf *line, uint64_t things, int64_t ms)
{
    uint64_t rate = ms >= 1000 && things > p->first ? (things - p->first) * 1000 / (uint64_t)ms : 0, left;

    if (!p->things || !rate)
        return;
    left = p->things > things ? (p->things - things + rate - 1) / rate : 0;
    buf_printf(line, ", %llu/s", (unsigned long long)rate);
    if (left >= 3600)
        buf_printf(line, ", %llu h %02llu min left", (unsigned long long)(left / 3600),
                   (unsigned long long)(left % 3600 / 60));
    else if (left >= 60)
        buf_printf(line, ", %llu min %02llu s left", (unsigned long long)(left / 60), (unsigned long long)(left % 60));
    else
        buf_printf(line, ", %llu s left", (unsigned long long)left);
}

static void draw(struct progress *p)
{
    uint64_t things = p->things_done, bytes = p->bytes_done;
    int64_t ms = clock_monotonic_ms() - p->started_ms;
    struct buf line;
    struct scope s;

    scope_init(&s, 0);
    line = BUF(&s);
    buf_printf(&line, "%s %llu", p->what, (unsigned long long)things);
    if (p->things)
        buf_printf(&line, " of %llu", (unsigned long long)p->things);
    if (p->bytes_done || p->bytes)
        buf_printf(&line, ", %s", size_text(&s, (int64_t)bytes));
    if (p->bytes)
        buf_printf(&line, " of %s", size_text(&s, (int64_t)p->bytes));
    if (ms > 0 && bytes)
        buf_printf(&line, ", %s/s", size_text(&s, (int64_t)(bytes * 1000 / (uint64_t)ms)));
    else
        draw_rate(p, &line, things, ms);
    fprintf(stderr, p->terminal ? "\r\x1b[K%s" : "%s\n", line.p);
    fflush(stderr);
    scope_free(&s);
}

void progress_add(struct progress *p, uint64_t things, uint64_t bytes)
{
    int64_t now = clock_monotonic_ms(), every = p->terminal ? DRAW_TERMINAL_MS : DRAW_LINES_MS;

    atomic_fetch_add(&p->things_done, things);
    atomic_fetch_add(&p->bytes_done, bytes);
    if (now - p->drawn_ms < every || pthread_mutex_trylock(&p->lock) != 0)
        return;
    p->drawn_ms = now;
    draw(p);
    pthread_mutex_unlock(&p->lock);
}

void progress_end(struct progress *p)
{
    if (p->terminal) {
        fputs("\r\x1b[K", stderr);
        fflush(stderr);
    }
    pthread_mutex_destroy(&p->lock);
}
