/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/client/say.h"
#include "tests/unit/tap.h"

/* What say() puts on standard output. */
static void said(const char *text, char out[256])
{
    int before = dup(STDOUT_FILENO), pipes[2];
    ssize_t n;

    fflush(stdout);
    if (before < 0 || pipe(pipes) != 0 || dup2(pipes[1], STDOUT_FILENO) < 0)
        abort();
    say("state  %s", text);
    dup2(before, STDOUT_FILENO);
    close(before);
    close(pipes[1]);
    n = read(pipes[0], out, 255);
    out[n > 0 ? n : 0] = '\0';
    close(pipes[0]);
}

static const struct { const char *text, *said, *printable; } rows[] = {
    { "granted", "granted", "granted" },
    { "\x1b[2J\rvalid", "\\x1b[2J\\x0dvalid", "\\x1b[2J\\x0dvalid" },
    { "two\nlines", "two\nlines", "two\\x0alines" },
    { "caf\xc3\xa9", "caf\xc3\xa9", "caf\xc3\xa9" },
    { "\xc2\x9b" "31m", "\\xc2\\x9b31m", "\\xc2\\x9b31m" },
    { "\xff\x7f", "\\xff\\x7f", "\\xff\\x7f" },
};

int main(void)
{
    struct scope s;

    scope_init(&s, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char got[256];

        said(rows[i].text, got);
        is_str(got, scope_printf(&s, "state  %s\n", rows[i].said), scope_printf(&s, "said: %s", rows[i].printable));
        is_str(printable(&s, rows[i].text), rows[i].printable, "in one line");
    }
    scope_free(&s);
    return done_testing();
}
