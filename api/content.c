/* SPDX-License-Identifier: Apache-2.0 */
#include "api/content.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/auth.h"
#include "ledger/keys/sha256.h"
#include "schema/store/content.h"
#include "schema/store/job.h"

#define READ_CHUNK 262144

struct upload {
    struct hash sha256;           /* as named */
    struct blob_part part;
    struct sha256 running;        /* over what this request wrote, if it began at 0 */
    bool ranged, from_start;
    int64_t first, length;        /* of this request's bytes; length -1: not announced */
    int64_t total;                /* of the content; -1: where the body ends */
    int64_t received;
};

static struct hash named_hash(const struct request *rq)
{
    struct hash h = { 0 };
    bool good = hash_parse(match_path(&rq->match, "sha256"), &h);      /* the contract has seen to it */

    return good ? h : (struct hash){ 0 };
}

static void say_offset(struct request *rq, int64_t offset)
{
    reply_header(rq, "Upload-Offset", scope_printf(&rq->scope, "%" PRId64, offset));
}

static bool bytes_good(const struct content *c)
{
    return strcmp(c->state, "corrupt") != 0 && strcmp(c->state, "missing") != 0;
}

/* ---- HEAD */

static err head(struct request *rq, struct db *db)
{
    const char *party = auth_caller(rq)->party.id.text;
    const struct hash h = named_hash(rq);
    struct scope *s = &rq->scope;
    struct app *app = rq->app;
    struct content c;
    int64_t offset;
    err e = content_uploaded(s, db, party, &h, &c);

    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (e == ERR_OK && bytes_good(&c)) {
        say_offset(rq, c.size);
        reply_empty(rq, 200);
        return ERR_OK;
    }
    scope_forgive(s);
    TRY(blob_part_size(s, &app->blobs, party, &h, &offset));
    if (offset > 0)
        say_offset(rq, offset);
    return fail(s, ERR_NOT_FOUND, "you have not uploaded this content");
}

err head_content(struct request *rq)
{
    return app_with_db(rq, head);
}

/* ---- PUT */

/* "bytes 0-99/1234"; one reading only. */
static bool range_parse(const char *text, struct upload *u)
{
    uint64_t v[3];
    static const char ends[] = "-/";

    if (strncmp(text, "bytes ", 6) != 0)
        return false;
    text += 6;
    for (int i = 0; i < 3; i++) {
        size_t n = strspn(text, "0123456789");

        if (!decimal_read(text, n, INT64_MAX, &v[i]) || text[n] != ends[i])
            return false;
        text += n + (i < 2);
    }
    if (v[0] > v[1] || v[1] >= v[2])
        return false;
    u->first = (int64_t)v[0];
    u->length = (int64_t)(v[1] - v[0] + 1);
    u->total = (int64_t)v[2];
    return true;
}

static err read_headers(struct request *rq, struct upload *u)
{
    const char *range = request_header(rq, "Content-Range");
    int64_t announced = request_content_length(rq);
    struct scope *s = &rq->scope;

    u->sha256 = named_hash(rq);
    u->length = announced;
    u->total = announced;
    if (range) {
        u->ranged = true;
        if (!range_parse(range, u))
            return fail(s, ERR_MALFORMED, "Content-Range must read \"bytes FIRST-LAST/TOTAL\"");
        if (announced >= 0 && announced != u->length)
            return fail(s, ERR_MALFORMED, "Content-Range and Content-Length differ");
    }
    if (u->total > CONTENT_BYTES_MAX)
        return fail(s, ERR_TOO_LARGE, "a content has at most %lld bytes", (long long)CONTENT_BYTES_MAX);
    u->from_start = u->first == 0;
    return ERR_OK;
}

/* Not before the body begins: a refusal then still reads it, so that its sender sees the answer. */
static err begin(struct request *rq, struct upload *u)
{
    const char *party = auth_caller(rq)->party.id.text;
    struct app *app = rq->app;

    if (u->part.fd >= 0)
        return ERR_OK;
    TRY(blob_part_open(&rq->scope, &app->blobs, party, &u->sha256, u->first == 0, &u->part));
    if (u->part.size == u->first)
        return ERR_OK;
    say_offset(rq, u->part.size);
    return fail(&rq->scope, ERR_STALE, "the upload stands at %" PRId64 " bytes: go on from there", u->part.size);
}

static err piece(struct request *rq, const void *bytes, size_t len)
{
    struct upload *u = rq->work;

    TRY(begin(rq, u));
    u->received += (int64_t)len;
    if (u->length >= 0 && u->received > u->length)
        return fail(&rq->scope, ERR_MALFORMED, "the body is longer than announced");
    if (u->first + u->received > CONTENT_BYTES_MAX)
        return fail(&rq->scope, ERR_TOO_LARGE, "a content has at most %lld bytes", (long long)CONTENT_BYTES_MAX);
    if (u->from_start)
        sha256_add(&u->running, bytes, len);
    return blob_part_add(&rq->scope, &u->part, bytes, len);
}

/* What came in several requests is read once more from its start. */
static err hash_again(struct scope *s, struct upload *u)
{
    uint8_t *chunk = scope_alloc(s, READ_CHUNK, 16);
    size_t n;

    sha256_init(&u->running);
    for (int64_t at = 0; at < u->part.size; at += (int64_t)n) {
        TRY(blob_part_read(s, &u->part, at, chunk, READ_CHUNK, &n));
        if (n == 0)
            return fail(s, ERR_IO, "the upload became shorter while it was read");
        if (scope_left_ms(s) == 0)
            return fail(s, ERR_BUSY, "not done: reading the upload took too long; send its end again");
        sha256_add(&u->running, chunk, n);
    }
    return ERR_OK;
}

/* A content that was broken is looked at again, so that what rests on it is delivered again. */
static err add_row(struct request *rq, struct db *db)
{
    const struct upload *u = rq->work;
    const char *party = auth_caller(rq)->party.id.text, *hex;
    struct scope *s = &rq->scope;
    struct content before = { .state = "unverified" };
    err e = content_get(s, db, &u->sha256, &before);

    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    TRY(db_begin(s, db));
    TRY(content_add(s, db, party, &u->sha256, u->part.size));
    if (!bytes_good(&before)) {
        hex = hash_hex(s, &u->sha256);
        TRY(job_enqueue(s, db, JOB_VERIFY_CONTENT, hex, scope_printf(s, "{\"sha256\":\"%s\"}", hex), INT64_MIN, NULL));
    }
    TRY(db_commit(s, db));
    return bytes_good(&before) ? ERR_OK : job_notify(s, db);
}

/* An upload that came in pieces is read again from its beginning. */
static err take_bytes(struct request *rq, struct upload *u)
{
    err e;

    if (u->from_start)
        return ERR_OK;
    TRY(app_lengthy_begin(rq));
    e = hash_again(&rq->scope, u);
    app_lengthy_end(rq);
    return e;
}

static err whole(struct request *rq)
{
    struct upload *u = rq->work;
    struct scope *s = &rq->scope;
    struct app *app = rq->app;
    struct hash found;

    TRY(take_bytes(rq, u));
    found = sha256_end(&u->running);
    if (!hash_equal(&found, &u->sha256)) {
        blob_part_drop(&u->part);
        return fail(s, ERR_INVALID, "the bytes hash to %s: nothing was kept", hash_hex(s, &found));
    }
    TRY(blob_part_keep(s, &app->blobs, &u->part, &u->sha256));
    TRY(app_with_db(rq, add_row));
    reply_header(rq, "Location", scope_printf(s, "/v1/content/%s", hash_hex(s, &u->sha256)));
    reply_empty(rq, 201);
    return ERR_OK;
}

static err done(struct request *rq)
{
    struct upload *u = rq->work;

    TRY(begin(rq, u));          /* no piece came: the content is empty */
    if (u->length >= 0 && u->received != u->length)
        return fail(&rq->scope, ERR_MALFORMED, "the body is shorter than announced");
    if (!u->ranged || u->part.size == u->total)
        return whole(rq);
    say_offset(rq, u->part.size);
    reply_empty(rq, 202);
    return ERR_OK;
}

static void end(struct request *rq)
{
    struct upload *u = rq->work;

    blob_part_close(&u->part);
}

err put_content(struct request *rq)
{
    static const struct body_sink sink = { piece, done };
    struct upload *u = NEW(&rq->scope, struct upload);

    u->part.fd = -1;
    rq->work = u;
    TRY(read_headers(rq, u));
    request_on_end(rq, end);
    sha256_init(&u->running);
    request_read_body(rq, &sink);
    return ERR_OK;
}
