/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/clock.h"

#define LINE_MAX_BYTES 2048

static const char *log_program = "counterfoil";
static enum log_level log_level = LOG_INFO;

void log_open(const char *program, enum log_level level)
{
    log_program = program;
    log_level = level;
}

static void emit(enum log_level level, const char *format, va_list ap)
{
    static const char *const names[] = { "error", "warn ", "info ", "debug" };
    char line[LINE_MAX_BYTES], at[TIME_TEXT_SIZE];
    int n, more;

    time_format(clock_wall_ms(), at);
    n = snprintf(line, sizeof line, "%s %s %s ", at, log_program, names[level]);
    more = vsnprintf(line + n, sizeof line - (size_t)n - 1, format, ap);
    n = more < (int)sizeof line - n - 1 ? n + more : (int)sizeof line - 2;
    for (int i = 0; i < n; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';      /* one line is one event, whatever came from outside */
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        return;                 /* nowhere left to say it */
}

void log_line(enum log_level level, const char *format, ...)
{
    va_list ap;

    if (level > log_level)
        return;
    va_start(ap, format);
    emit(level, format, ap);
    va_end(ap);
}

void log_why(enum log_level level, const char *what, const struct scope *s)
{
    const char *file = s->why.file ? s->why.file : "?";

    log_line(level, "%s error=%s at=%s:%d detail=\"%s\"", what, err_name(s->why.code), file, s->why.line,
             s->why.detail);
}
