/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/client/audit_source.h"
#include "api/client/folder.h"
#include "ledger/keys/sign.h"
#include "schema/base/clock.h"

/*
 * An audit of a mirror by a reader who was shown private fields: audit_disclosed DIR VKEY FILE.
 *
 * FILE has a line "<index> TAB <JSON array of disclosures>" for each entry that is opened, by index: that an auditor
 * asks for them in order is all that is made use of, so that they take no memory here. Everything else is what
 * `counterfoil audit DIR --dir` does. Prints one JSON object; exit code 1 if there are findings.
 */
struct opened { struct dir_source dir; FILE *lines; char *line; size_t room; uint64_t index; bool end; };

static err checkpoint(struct scope *s, void *arg, struct bytes *note)
{
    struct opened *x = arg;
    struct audit_source dir = dir_source_of(&x->dir);

    return dir.checkpoint(s, dir.arg, note);
}

static err tile(struct scope *s, void *arg, const char *path, struct bytes *out)
{
    struct opened *x = arg;
    struct audit_source dir = dir_source_of(&x->dir);

    return dir.tile(s, dir.arg, path, out);
}

static void next_line(struct opened *x)
{
    x->end = getline(&x->line, &x->room, x->lines) < 0;
    x->index = x->end ? UINT64_MAX : strtoull(x->line, NULL, 10);
}

static err document(struct scope *s, void *arg, const char *name, struct bytes *out)
{
    struct opened *x = arg;
    uint64_t index = strncmp(name, "disclosures/", 12) == 0 ? strtoull(name + 12, NULL, 10) : 0;
    const char *text;

    while (!x->end && x->index < index)
        next_line(x);
    if (index == 0 || x->index != index || (text = strchr(x->line, '\t')) == NULL)
        return fail(s, ERR_NOT_FOUND, "no %s", name);
    out->len = strcspn(text + 1, "\n");
    out->p = scope_memdup(s, text + 1, out->len);
    return ERR_OK;
}

static double cpu_seconds(const struct rusage *u)
{
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
           (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    struct opened x = { .dir = { -1 } };
    struct audit_config config = { .seed = 42, .bundle = ahead_bundle };
    struct audit_source source = { checkpoint, tile, document, &x };
    int64_t began = clock_monotonic_us();
    struct ahead *ahead = NULL;
    struct audit *a = NULL;
    struct audit_report r;
    struct rusage used;
    struct scope s;
    err e;

    keys_init();
    scope_init(&s, 0);
    x.lines = argc == 4 ? fopen(argv[3], "r") : NULL;
    if (!x.lines || folder_open(&s, argv[1], false, &x.dir.folder) != ERR_OK ||
        ahead_open(&s, &source, parallel_cores() - 1, &ahead) != ERR_OK) {
        fprintf(stderr, "usage: audit_disclosed DIR VKEY FILE: %s\n", s.why.detail);
        return 2;
    }
    config.vkey = argv[2];
    config.bundle_arg = ahead;
    next_line(&x);
    e = audit_new(&s, &config, &a);
    if (e == ERR_OK)
        e = audit_run(&s, a, &source, &r);
    ahead_close(ahead);
    if (e != ERR_OK || !r.advanced) {
        fprintf(stderr, "audit_disclosed: %s\n", e == ERR_OK ? "there is no such log" : s.why.detail);
        return 2;
    }
    getrusage(RUSAGE_SELF, &used);
    printf("{\"entries\":%llu,\"disclosed\":%llu,\"findings\":%llu,\"seconds\":%.3f,\"cpu\":%.3f,\"rss_kib\":%ld}\n",
           (unsigned long long)r.to, (unsigned long long)r.disclosed, (unsigned long long)r.findings,
           (double)(clock_monotonic_us() - began) / 1e6, cpu_seconds(&used), used.ru_maxrss);
    audit_free(a);
    free(x.line);
    fclose(x.lines);
    close(x.dir.folder);
    scope_free(&s);
    return r.findings ? 1 : 0;
}
