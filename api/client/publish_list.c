/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/client/publish.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"

#define LIST_PART_BYTES (4 << 20)

static err add_line(struct scope *s, const struct sidecar *sc, const struct file *f, struct buf *b)
{
    char hex[HEX_SIZE(HASH_SIZE)];
    struct item_line l;

    TRY(sidecar_line(s, sc, f, &l));
    hex_write(f->sha256.b, HASH_SIZE, hex);
    buf_printf(b, "{\"attributes\":%s,\"contributors\":%s,\"media_type\":", l.attributes, l.contributors);
    canon_string(b, l.media_type, strlen(l.media_type));
    buf_str(b, ",\"path\":");
    canon_string(b, f->path, strlen(f->path));
    buf_printf(b, ",\"sha256\":\"%s\",\"size\":%lld}\n", hex, (long long)f->size);
    return ERR_OK;
}

/* As many lines as a part takes, from *at on. */
static err add_lines(struct scope *s, const struct sidecar *sc, const struct files *files, size_t *at, struct buf *b)
{
    struct scope one;
    err e = ERR_OK;

    scope_init(&one, 0);
    for (buf_add(b, "", 0); e == ERR_OK && *at < files->n && b->len < LIST_PART_BYTES; ++*at) {
        e = add_line(&one, sc, &files->v[*at], b);
        if (e != ERR_OK)
            s->why = one.why;
        scope_clear(&one);
    }
    scope_free(&one);
    return e;
}

static err send_part(struct scope *s, struct market *m, const char *path, struct bytes lines)
{
    const char *headers[] = { "Content-Type: application/jsonl" };
    struct fetch_request rq = { .method = FETCH_PUT, .headers = headers, .n_headers = 1, .answer_max = JSON_BODY_MAX,
                                .body = lines };
    struct fetch_answer a;

    return market_run(s, m, path, &rq, true, &a);
}

err publish_list(struct scope *s, struct market *m, const char *draft_path, const struct files *files,
                 const struct sidecar *sc)
{
    size_t at = 0;

    for (unsigned part = 0; at < files->n || part == 0; part++) {
        struct scope one;
        struct buf lines;
        err e;
        scope_init(&one, 0);
        lines = BUF(&one);
        e = add_lines(&one, sc, files, &at, &lines);
        if (e == ERR_OK)
            e = send_part(&one, m, scope_printf(&one, "%s/items?part=%u", draft_path, part),
                          (struct bytes){ (const uint8_t *)lines.p, lines.len });
        if (e != ERR_OK)
            s->why = one.why;
        scope_free(&one);
        TRY(e);
    }
    return ERR_OK;
}

/* ---- what a published version says */

struct comparison { const struct files *files; const struct sidecar *sc; size_t at; bool same; };

static bool says(struct scope *s, const json_t *row, const char *name, const char *canonical)
{
    struct bytes text;

    return canon(s, json_object_get(row, name), &text) == ERR_OK && text.len == strlen(canonical) &&
           memcmp(text.p, canonical, text.len) == 0;
}

/* Both lists are in order of paths; ERR_STALE ends the comparison at the first difference. */
static err compare(struct scope *s, void *arg, json_t *row)
{
    struct comparison *c = arg;
    struct item_line l;

    c->same = false;
    if (c->at == c->files->n || strcmp(json_text_or(row, "path", ""), c->files->v[c->at].path) != 0)
        return fail(s, ERR_STALE, "another list");
    TRY(sidecar_line(s, c->sc, &c->files->v[c->at++], &l));
    if (!says(s, row, "attributes", l.attributes) || !says(s, row, "contributors", l.contributors) ||
        strcmp(json_text_or(row, "media_type", ""), l.media_type) != 0)
        return fail(s, ERR_STALE, "other words");
    c->same = true;
    return ERR_OK;
}

static err compare_row(struct scope *s, void *arg, json_t *row)
{
    struct scope one;
    err e;

    scope_init(&one, 0);
    e = compare(&one, arg, row);
    if (e != ERR_OK)
        s->why = one.why;
    scope_free(&one);
    return e;
}

err publish_same(struct scope *s, struct market *m, const char *list, const struct files *files,
                 const struct sidecar *sc, bool *same)
{
    struct comparison c = { .files = files, .sc = sc };
    err e = market_each(s, m, list, compare_row, &c);

    if (e == ERR_STALE) {
        scope_forgive(s);
        e = ERR_OK;
    }
    *same = c.same && c.at == files->n;
    return e;
}
