/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/auth.h"
#include "api/dataset.h"
#include "ledger/entry/item_line.h"
#include "api/version.h"
#include "schema/base/random.h"
#include "schema/json/canon.h"
#include "schema/store/version.h"

/*
 * A part of a draft's items, as JSON Lines. The lines are spooled to a file without a name first, so that a slow
 * publisher holds neither a connection to the database nor memory; then they are read, checked and copied in one
 * transaction: the part is there whole or not at all.
 */
struct part { FILE *spool; int64_t bytes; };

/* ---- one line */

static err row_add(struct scope *s, struct db *db, int64_t no, struct draft_row *row, json_t *object)
{
    struct item_line l;
    uint8_t salt[16];

    TRY(item_line_read(s, object, &l));
    random_bytes(salt, sizeof salt);
    row->path = l.path;
    row->sha256 = l.sha256;
    row->size = l.size;
    row->media_type = l.media_type;
    row->attributes = l.attributes;
    row->contributors = l.contributors;
    row->salt = salt;
    return draft_part_row(s, db, no, row);
}

static err line_add(struct scope *s, struct db *db, int64_t no, struct draft_row *row, const char *text, size_t len)
{
    json_t *object;
    err e;

    if (len > ITEM_LINE_MAX)
        return fail(s, ERR_TOO_LARGE, "a line has at most %d bytes", ITEM_LINE_MAX);
    TRY(json_read_as(s, text, len, (struct json_rules){ .any_number = true }, &object));
    e = row_add(s, db, no, row, object);
    json_decref(object);
    return e;
}

/* ---- all lines */

static err lines_add(struct request *rq, struct db *db, int64_t no, int32_t part, int32_t *count)
{
    struct part *p = rq->work;
    struct draft_row row = { .part = part };
    struct scope s;
    char *text = NULL;
    size_t cap = 0;
    ssize_t len;
    err e = ERR_OK;

    rewind(p->spool);
    scope_init(&s, 0);
    while (e == ERR_OK && (len = getline(&text, &cap, p->spool)) >= 0) {
        if (len > 0 && text[len - 1] == '\n')
            len--;
        row.line++;
        e = line_add(&s, db, no, &row, text, (size_t)len);
        if (e != ERR_OK)
            e = fail_at(&rq->scope, e, scope_printf(&rq->scope, "/%d%s", row.line, s.why.pointer), "line %d: %s",
                        row.line, s.why.detail);
        scope_clear(&s);
    }
    if (e == ERR_OK && ferror(p->spool))
        e = fail(&rq->scope, ERR_IO, "the spooled part cannot be read");
    free(text);
    scope_free(&s);
    *count = row.line;
    return e;
}

static err part_number(struct request *rq, int32_t *part)
{
    uint64_t v;
    const char *text = match_query(&rq->match, "part");

    if (!decimal_read(text, strlen(text), INT32_MAX, &v))
        return fail_at(&rq->scope, ERR_INVALID, "?part", "the part must be a number");
    *part = (int32_t)v;
    return ERR_OK;
}

static err draft_open(struct request *rq, struct db *db, struct version *v)
{
    struct scope *s = &rq->scope;
    struct dataset d;
    const char *state;

    TRY(dataset_owned(rq, db, &d));
    TRY(version_get(s, db, d.owner, d.name, match_path(&rq->match, "version"), v));
    if (v->fault)                     /* what it complains of may be what this part mends */
        TRY(version_forget_fault(s, db, v->no));
    TRY(db_begin(s, db));
    TRY(version_unhurried(s, db));
    TRY(version_hold(s, db, v->no, false, &state));
    if (strcmp(state, "draft") != 0)
        return fail(s, ERR_STALE, "this version is %s: its items don't change any more", state);
    return ERR_OK;
}

static err part_copy(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct version v;
    const char *path, *party;
    int32_t part = 0, count = 0, foreign = 0, stranger = 0;
    err e, ended;

    TRY(part_number(rq, &part));
    TRY(draft_open(rq, db, &v));
    TRY(draft_part_begin(s, db, v.no, part));
    e = lines_add(rq, db, v.no, part, &count);
    ended = db_copy_end(s, db, e == ERR_OK, NULL);
    TRY(e);
    TRY(ended);
    TRY(draft_part_foreign(s, db, v.no, part, auth_caller(rq)->party.id.text, &foreign, &path));
    if (foreign)
        return fail_at(s, ERR_INVALID, scope_printf(s, "/%d/sha256", foreign),
                       "line %d: you have not uploaded the content of '%.200s' in that size", foreign, path);
    TRY(draft_part_stranger(s, db, v.no, part, &stranger, &party));
    if (stranger)
        return fail_at(s, ERR_INVALID, scope_printf(s, "/%d/contributors", stranger),
                       "line %d: there is no party %s here", stranger, party);
    TRY(db_commit(s, db));
    reply_json(rq, 200, json_pack("{s:i,s:i}", "part", (int)part, "items", (int)count));
    return ERR_OK;
}

/* ---- the body */

static err part_write(struct request *rq, const void *bytes, size_t len)
{
    struct part *p = rq->work;

    p->bytes += (int64_t)len;
    if (p->bytes > ITEM_PART_BYTES_MAX)
        return fail(&rq->scope, ERR_TOO_LARGE, "a part has at most %d bytes: send more parts", ITEM_PART_BYTES_MAX);
    if (fwrite(bytes, 1, len, p->spool) != len)
        return fail(&rq->scope, ERR_IO, "the part cannot be spooled: %s", strerror(errno));
    return ERR_OK;
}

static err part_done(struct request *rq)
{
    err e;

    TRY(app_lengthy_begin(rq));
    e = app_with_db(rq, part_copy);
    app_lengthy_end(rq);
    return e;
}

static void part_end(struct request *rq)
{
    struct part *p = rq->work;

    if (p->spool)
        fclose(p->spool);
}

err put_items(struct request *rq)
{
    static const struct body_sink sink = { part_write, part_done };
    struct app *app = rq->app;
    struct part *p = NEW(&rq->scope, struct part);
    int64_t announced = request_content_length(rq);
    int fd;

    if (announced > ITEM_PART_BYTES_MAX)
        return fail(&rq->scope, ERR_TOO_LARGE, "a part has at most %d bytes: send more parts", ITEM_PART_BYTES_MAX);
    rq->work = p;
    fd = open(app->blobs.dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    p->spool = fd < 0 ? NULL : fdopen(fd, "w+");
    if (!p->spool) {
        if (fd >= 0)
            close(fd);
        return fail(&rq->scope, ERR_IO, "no file to spool to: %s", strerror(errno));
    }
    request_on_end(rq, part_end);
    request_read_body(rq, &sink);
    return ERR_OK;
}
