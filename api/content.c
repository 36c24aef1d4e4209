/* SPDX-License-Identifier: Apache-2.0 */
#include "api/content.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "ledger/keys/sha256.h"
#include "schema/store/content.h"

#define READ_BYTES 262144

struct upload {
    struct hash sha256;
    bool ranged, open;
    int64_t first, total;         /* of Content-Range; total -1: not known before the end */
    struct blob_part part;
    struct sha256 hash;           /* of what has come, if it came in one piece */
};

static err hash_named(struct request *rq, struct hash *out)
{
    if (!hash_parse(match_path(&rq->match, "sha256"), out))
        return fail_at(&rq->scope, ERR_INVALID, "{sha256}", "64 lowercase hex digits");
    return ERR_OK;
}

static const char *owner(const struct request *rq)
{
    return auth_caller(rq)->party.id.text;
}

/* ---- what is there of the caller's own */

static err content_look(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct app *app = rq->app;
    struct content c;
    struct hash sha256;
    int64_t partial;
    err e;

    TRY(hash_named(rq, &sha256));
    e = content_uploaded(s, db, owner(rq), &sha256, &c);
    if (e == ERR_OK) {
        reply_header(rq, "ETag", scope_printf(s, "\"%s\"", match_path(&rq->match, "sha256")));
        reply_header(rq, "Upload-Offset", scope_printf(s, "%" PRId64, c.size));
        reply_empty(rq, 200);
        return ERR_OK;
    }
    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    TRY(blob_part_size(s, &app->blobs, owner(rq), &sha256, &partial));
    reply_header(rq, "Upload-Offset", scope_printf(s, "%" PRId64, partial));
    return fail(s, ERR_NOT_FOUND, "you have not uploaded this content");
}

err head_content(struct request *rq)
{
    return app_with_db(rq, content_look);
}

/* ---- uploading */

/* "bytes 0-99/1000" or "bytes 0-99" + "/" + "*". */
static err range_parse(struct request *rq, const char *header, struct upload *u)
{
    const char *p = header + 6, *dash = strchr(header, '-'), *slash = strchr(header, '/');
    uint64_t first, last, total;

    if (strncmp(header, "bytes ", 6) != 0 || !dash || !slash || slash < dash ||
        !decimal_read(p, (size_t)(dash - p), CONTENT_BYTES_MAX, &first) ||
        !decimal_read(dash + 1, (size_t)(slash - dash - 1), CONTENT_BYTES_MAX, &last) ||
        !decimal_read(slash + 1, strlen(slash + 1), CONTENT_BYTES_MAX, &total) || first > last || last >= total)
        return fail(&rq->scope, ERR_MALFORMED, "Content-Range must be like 'bytes 0-99/1000'");
    if (request_content_length(rq) >= 0 && (uint64_t)request_content_length(rq) != last - first + 1)
        return fail(&rq->scope, ERR_MALFORMED, "Content-Range and Content-Length differ");
    u->ranged = true;
    u->first = (int64_t)first;
    u->total = (int64_t)total;
    return ERR_OK;
}

static err upload_open(struct request *rq, struct upload *u)
{
    struct scope *s = &rq->scope;
    struct app *app = rq->app;

    if (u->open)
        return ERR_OK;
    TRY(blob_part_open(s, &app->blobs, owner(rq), &u->sha256, u->first == 0, &u->part));
    u->open = true;
    sha256_init(&u->hash);
    if (u->part.size != u->first) {
        reply_header(rq, "Upload-Offset", scope_printf(s, "%" PRId64, u->part.size));
        return fail(s, ERR_CONFLICT, "the upload stands at %" PRId64 ": go on from there", u->part.size);
    }
    return ERR_OK;
}

static err upload_write(struct request *rq, const void *bytes, size_t len)
{
    struct upload *u = rq->work;

    TRY(upload_open(rq, u));
    if (u->part.size > CONTENT_BYTES_MAX - (int64_t)len || (u->ranged && u->part.size + (int64_t)len > u->total))
        return fail(&rq->scope, ERR_TOO_LARGE, "more bytes than announced, or than a content may have");
    TRY(blob_part_add(&rq->scope, &u->part, bytes, len));
    if (u->first == 0)
        sha256_add(&u->hash, bytes, len);
    return ERR_OK;
}

/* What came in several requests is read back as it lies on the disk. */
static err upload_hash(struct request *rq, struct upload *u, struct hash *out)
{
    uint8_t *bytes;
    size_t n = 1;
    err e = ERR_OK;

    if (u->first == 0) {
        *out = sha256_end(&u->hash);
        return ERR_OK;
    }
    bytes = malloc(READ_BYTES);
    if (!bytes)
        abort();
    for (int64_t at = 0; e == ERR_OK && n > 0; at += (int64_t)n) {
        e = blob_part_read(&rq->scope, &u->part, at, bytes, READ_BYTES, &n);
        if (e == ERR_OK)
            sha256_add(&u->hash, bytes, n);
    }
    free(bytes);
    *out = sha256_end(&u->hash);
    return e;
}

static err content_note(struct request *rq, struct db *db)
{
    struct upload *u = rq->work;

    TRY(db_begin(&rq->scope, db));
    TRY(content_add(&rq->scope, db, owner(rq), &u->sha256, u->part.size));
    return db_commit(&rq->scope, db);
}

/* Whole: checked, durable, then on record. A crash in between leaves bytes without a row, which a repeat mends. */
static err upload_keep(struct request *rq, struct upload *u)
{
    struct scope *s = &rq->scope;
    struct app *app = rq->app;
    struct hash found;

    TRY(upload_hash(rq, u, &found));
    u->open = false;
    if (!hash_equal(&found, &u->sha256)) {
        blob_part_drop(&u->part);
        return fail_at(s, ERR_INVALID, "{sha256}", "the bytes have the hash %s: nothing was kept", hash_hex(s, &found));
    }
    TRY(blob_part_keep(s, &app->blobs, &u->part, &u->sha256));
    TRY(app_with_db(rq, content_note));
    reply_header(rq, "ETag", scope_printf(s, "\"%s\"", hash_hex(s, &u->sha256)));
    reply_empty(rq, 201);
    return ERR_OK;
}

static err upload_done(struct request *rq)
{
    struct upload *u = rq->work;

    TRY(upload_open(rq, u));          /* no piece came: the content is empty */
    if (u->ranged && u->part.size < u->total) {
        reply_header(rq, "Upload-Offset", scope_printf(&rq->scope, "%" PRId64, u->part.size));
        reply_empty(rq, 202);
        return ERR_OK;
    }
    return upload_keep(rq, u);
}

/* What broke off stays, for the next request to go on from. */
static void upload_end(struct request *rq)
{
    struct upload *u = rq->work;

    if (u->open)
        blob_part_close(&u->part);
}

err put_content(struct request *rq)
{
    static const struct body_sink sink = { upload_write, upload_done };
    struct upload *u = NEW(&rq->scope, struct upload);
    const char *range = request_header(rq, "Content-Range");

    u->total = -1;
    TRY(hash_named(rq, &u->sha256));
    if (range)
        TRY(range_parse(rq, range, u));
    if (request_content_length(rq) > CONTENT_BYTES_MAX)
        return fail(&rq->scope, ERR_TOO_LARGE, "a content has at most %" PRId64 " bytes", (int64_t)CONTENT_BYTES_MAX);
    rq->work = u;
    request_on_end(rq, upload_end);
    request_read_body(rq, &sink);
    return ERR_OK;
}
