/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "schema/base/scope.h"

/*
 * What the tool says: results on standard output, complaints and progress on
 * standard error. Control characters are said as \xNN, so that nothing from
 * outside can move a terminal's cursor; what is not to break a line, either,
 * goes through printable().
 */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));          /* a line */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));     /* "counterfoil: …" */
void say_json(const json_t *value);
char *printable(struct scope *s, const char *text);      /* control characters and what isn't UTF-8 as \xNN */
char *size_text(struct scope *s, int64_t bytes);         /* "1.4 MB", powers of 1000 */
char *count_text(struct scope *s, uint64_t n, const char *one, const char *many);    /* "1 file", "2 files" */

/* Progress: one line that is redrawn on a terminal, else a line every few seconds. Thread-safe. */
struct progress {
    const char *what;                  /* "hashing" */
    uint64_t things, bytes;            /* totals; 0: not known */
    uint64_t first;                    /* things that were done before it started: no part of the rate */
    atomic_ullong things_done, bytes_done;
    int64_t started_ms;
    atomic_llong drawn_ms;
    bool terminal;
    pthread_mutex_t lock;
};
void progress_start(struct progress *p, const char *what, uint64_t things, uint64_t bytes);
void progress_add(struct progress *p, uint64_t things, uint64_t bytes);
void progress_end(struct progress *p);
