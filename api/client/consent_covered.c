/* SPDX-License-Identifier: Apache-2.0 */
/* What a consent covers: hashes from a list, a folder's files, or the items of a version below a path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/client/consent.h"
#include "api/client/folder.h"
#include "api/client/say.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"

#define LINE_MAX_BYTES 65536

void covered_free(struct covered *c)
{
    free(c->item);
    *c = (struct covered){ 0 };
}

static err covered_add(struct scope *s, struct covered *c, const struct hash *h)
{
    if (c->n == COVERAGE_ITEMS_MAX)
        return fail(s, ERR_TOO_LARGE, "a consent covers at most %d items", COVERAGE_ITEMS_MAX);
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 1024;
        c->item = realloc(c->item, c->cap * sizeof *c->item);
        if (!c->item)
            abort();
    }
    c->item[c->n++] = *h;
    return ERR_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, HASH_SIZE);
}

static void covered_sort(struct covered *c)
{
    size_t kept = 0;

    qsort(c->item, c->n, sizeof *c->item, by_bytes);
    for (size_t i = 0; i < c->n; i++)
        if (i == 0 || !hash_equal(&c->item[i], &c->item[kept - 1]))
            c->item[kept++] = c->item[i];
    c->n = kept;
}

/* A hash, or a JSON object with one as `sha256`: a manifest and items.jsonl have such lines too. */
static err list_line(struct scope *s, struct covered *c, const char *line, size_t len, size_t number)
{
    json_t *object = NULL;
    struct hash h;
    err e;

    if (len == 2 * HASH_SIZE && hex_read(line, len, h.b, HASH_SIZE))
        return covered_add(s, c, &h);
    e = json_read_as(s, line, len, (struct json_rules){ .any_number = true }, &object);
    if (e == ERR_OK)
        e = json_hash(s, object, "sha256", &h);
    json_decref(object);
    if (e != ERR_OK) {
        scope_forgive(s);
        return fail(s, ERR_INVALID, "line %zu is neither a SHA-256 nor a JSON object with one", number);
    }
    return covered_add(s, c, &h);
}

static err from_list(struct scope *s, const char *path, struct covered *c)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0, number = 0;
    ssize_t n;
    err e = ERR_OK;

    if (!f)
        return fail(s, ERR_CONFIG, "%s cannot be read", path);
    while (e == ERR_OK && (n = getline(&line, &cap, f)) >= 0) {
        struct scope one;
        scope_init(&one, 0);
        if (n > 0 && line[n - 1] == '\n')
            n--;
        e = n > LINE_MAX_BYTES ? fail(&one, ERR_INVALID, "line %zu is too long", number + 1)
                               : list_line(&one, c, line, (size_t)n, ++number);
        if (e != ERR_OK)
            s->why = one.why;
        scope_free(&one);
    }
    free(line);
    fclose(f);
    return e;
}

static void told_skipped(void *arg, const char *path, const char *why)
{
    struct scope *s = arg;

    complain("%s is left out: %s", printable(s, path), why);
}

static err files_hash(struct scope *s, int folder, const struct files *files, struct covered *c)
{
    for (size_t i = 0; i < files->n; i++) {
        struct hash h;
        int64_t size;
        int fd;
        err e;
        TRY(file_open(s, folder, files->v[i].path, &fd));
        e = file_hash(s, fd, &h, &size, NULL, NULL);
        close(fd);
        TRY(e);
        TRY(covered_add(s, c, &h));
    }
    return ERR_OK;
}

static err from_folder(struct scope *s, const char *path, struct covered *c)
{
    struct files files = { 0 };
    int folder;
    err e;

    TRY(folder_open(s, path, false, &folder));
    e = files_list(s, folder, &files, told_skipped, s);
    if (e == ERR_OK)
        e = files_hash(s, folder, &files, c);
    files_free(&files);
    close(folder);
    return e;
}

struct below { struct covered *covered; const char *path; size_t len; };

static err item_take(struct scope *s, void *arg, json_t *row)
{
    const struct below *b = arg;
    const char *path;
    struct hash h;

    TRY(json_text(s, row, "path", &path));
    if (strncmp(path, b->path, b->len) != 0)
        return ERR_OK;
    TRY(json_hash(s, row, "sha256", &h));
    return covered_add(s, b->covered, &h);
}

static err from_version(struct scope *s, const struct consent_options *o, struct covered *c)
{
    struct below b = { c, o->path ? o->path : "", o->path ? strlen(o->path) : 0 };
    struct market m;
    err e;

    if (!o->version)
        return fail(s, ERR_INVALID, "--dataset needs --version: a consent is for items that are there already");
    TRY(market_open(s, &m, true));
    e = market_each(s, &m, scope_printf(s, "/v1/datasets/%s/versions/%s/items?limit=1000",
                                        fetch_escape_path(s, o->dataset), fetch_escape(s, o->version)), item_take, &b);
    market_close(&m);
    return e;
}

err covered_gather(struct scope *s, const struct consent_options *o, struct covered *out)
{
    err e;

    *out = (struct covered){ 0 };
    if (!o->list + !o->folder + !o->dataset != 2)
        return fail(s, ERR_INVALID, "say what it covers by one of --list, --folder and --dataset");
    e = o->list ? from_list(s, o->list, out) : o->folder ? from_folder(s, o->folder, out) : from_version(s, o, out);
    if (e == ERR_OK && out->n == 0)
        e = fail(s, ERR_INVALID, "there is nothing to cover: a consent names items that are there");
    if (e == ERR_OK)
        covered_sort(out);
    else
        covered_free(out);
    return e;
}
