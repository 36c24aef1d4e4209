/* SPDX-License-Identifier: Apache-2.0 */
#include "api/delivery.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "api/app.h"
#include "api/auth.h"
#include "api/version.h"
#include "ledger/rules/access.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/store/clearance.h"
#include "schema/store/content.h"
#include "schema/store/job.h"
#include "schema/store/license.h"
#include "schema/store/log.h"
#include "schema/store/version.h"

#define NAME_MARKS "!#$&+-.^_`|~"      /* attr-char of RFC 8187, besides letters and digits */

/* One delivery: what was asked, and what the rules and rows say may be sent. */
struct delivery {
    struct append_access access;
    struct hash sha256;
    int64_t size;
    const char *media_type;
};

/* ---- the bytes */

static const char *disposition(struct scope *s, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct buf b = BUF(s);

    buf_str(&b, "attachment; filename*=UTF-8''");
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        if (*c < 0x80 && (isalnum(*c) || strchr(NAME_MARKS, *c)))
            buf_char(&b, (char)*c);
        else
            buf_printf(&b, "%%%02X", *c);
    return b.p;
}

static const char *digest(struct scope *s, const struct hash *sha256)
{
    char text[BASE64_SIZE(HASH_SIZE)];

    base64_write(sha256->b, HASH_SIZE, text);
    return scope_printf(s, "sha-256=:%s:", text);
}

static err doubt(struct request *rq, struct db *db)
{
    const struct delivery *d = rq->work;
    struct scope *s = &rq->scope;
    const char *hex = hash_hex(s, &d->sha256);

    TRY(db_begin(s, db));
    TRY(content_doubt(s, db, &d->sha256));
    TRY(job_enqueue(s, db, JOB_VERIFY_CONTENT, hex, scope_printf(s, "{\"sha256\":\"%s\"}", hex), INT64_MIN, NULL));
    TRY(db_commit(s, db));
    return job_notify(s, db);
}

/* Other bytes than the published ones are never sent: nobody gets this content until a worker has read it again. */
static err refuse_bytes(struct request *rq, const char *found)
{
    const struct delivery *d = rq->work;

    scope_forgive(&rq->scope);
    if (app_with_db(rq, doubt) != ERR_OK)
        log_why(LOG_ERROR, "a content could not be given to a worker for verification", &rq->scope);
    scope_forgive(&rq->scope);
    return fail(&rq->scope, ERR_CORRUPT, "content %s, verified with %" PRId64 " bytes, %s",
                hash_hex(&rq->scope, &d->sha256), d->size, found);
}

static err send_bytes(struct request *rq)
{
    const struct delivery *d = rq->work;
    const struct app *app = rq->app;
    struct scope *s = &rq->scope;
    int64_t size;
    int fd;
    err e = blob_open(s, &app->blobs, &d->sha256, &fd, &size);

    if (e == ERR_NOT_FOUND)
        return refuse_bytes(rq, "is not there");
    TRY(e);
    if (size != d->size) {
        close(fd);
        return refuse_bytes(rq, scope_printf(s, "has %" PRId64, size));
    }
    /* May be kept, but not used again unasked: the next use is authorized anew. */
    reply_header(rq, "Cache-Control", "private, no-cache");
    TRY(reply_file(rq, fd, (uint64_t)size, scope_printf(s, "\"%s\"", hash_hex(s, &d->sha256)), d->media_type));
    reply_header(rq, "Repr-Digest", digest(s, &d->sha256));
    reply_header(rq, "Content-Disposition", disposition(s, match_path(&rq->match, "path")));
    reply_header(rq, "X-Content-Type-Options", "nosniff");
    return ERR_OK;
}

/* ---- GET: recorded, then sent */

static err send_recorded(struct request *rq)
{
    struct delivery *d = rq->work;
    const struct caller *c = rq->caller;
    const struct app *app = rq->app;
    const struct append_access *x = &d->access;

    uses_note(app->uses, &c->key, &c->digest, clock_wall_ms());
    d->sha256 = x->sha256;
    d->size = x->size;
    d->media_type = x->media_type;
    reply_header(rq, "Counterfoil-Entry", scope_printf(&rq->scope, "%" PRIu64, x->index));
    reply_header(rq, "Link", scope_printf(&rq->scope, "</v1/entries/%" PRIu64 "/proof>; rel=\"proof\"", x->index));
    return send_bytes(rq);
}

/* On a thread of the ledger's: opening a file may wait for a disk, so a worker does that. */
static void settled(struct append_access *x, err e)
{
    struct request *rq = x->arg;
    const struct app *app = rq->app;

    if (e == ERR_OK) {
        request_continue_brief(rq, send_recorded);
        return;
    }
    if (e == ERR_UNAUTHENTICATED)
        uses_forget(app->uses, &x->key_digest);
    request_finish(rq, e);
}

/* ---- HEAD: the same rules, no entry */

/* Whether the newest clearance of a license covers the item; *why: for what reason it leaves it out, or NULL. */
static err read_clearance(struct scope *s, struct db *db, int64_t license_no, int32_t item, struct access_facts *f,
                          const char **why)
{
    struct clearance_against against;
    struct clearance_row c;
    struct log_view log;
    err e;

    TRY(log_view(s, db, &log));
    f->uncleared_rules = log.rules < 2;
    e = clearance_newest(s, db, license_no, &c);
    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return ERR_OK;
    }
    TRY(e);
    TRY(clearance_against(s, db, &c, item, &against));
    f->cleared = true;
    f->clearance_until = c.valid_until;
    f->excluded = against.reason != NULL;
    f->withdrawn = against.withdrawn != NULL;
    *why = against.reason;
    return ERR_OK;
}

/* The facts of this license and item, for a caller whose key was verified; `item` is theirs if the facts know it. */
static err read_facts(struct request *rq, struct db *db, struct access_facts *f, struct item *item,
                      const char **why)
{
    const struct caller *c = auth_caller(rq);
    struct scope *s = &rq->scope;
    struct license l;
    err e = license_get(s, db, match_path(&rq->match, "license"), c->party.id.text, &l);

    if (e != ERR_OK)
        return e;
    f->license_known = true;
    f->caller_is_buyer = caller_owns(c, &l.buyer);
    f->from = l.valid_from;
    f->until = l.valid_until;
    if (!license_state_parse(l.state, &f->license))
        f->license = LICENSE_ENDED;
    TRY(item_by_path(s, db, l.version.no, match_path(&rq->match, "path"), item));
    TRY(slice_has(s, db, l.slice_no, item->n, &f->item_known));
    f->content = content_state_parse(item->state);
    return read_clearance(s, db, l.no, item->n, f, why);
}

static err may_see(struct request *rq, struct db *db)
{
    struct access_facts f = { .key_known = true, .key_matches = true, .key_in_scope = true, .party_active = true };
    struct delivery *d = rq->work;
    struct item item;
    enum access_verdict v;
    const char *why = NULL;
    err e = read_facts(rq, db, &f, &item, &why);

    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    scope_forgive(&rq->scope);
    v = access_decide(&f, clock_wall_ms());
    if (!access_granted(v))
        return fail_for(&rq->scope, access_error(v), access_code(v), "", "%s",
                    v == GATE_ITEM_EXCLUDED ? access_excluded(&rq->scope, why) : access_sentence(v));
    d->sha256 = item.sha256;
    d->size = item.size;
    d->media_type = item.media_type;
    return ERR_OK;
}

err get_item(struct request *rq)
{
    struct delivery *d = NEW(&rq->scope, struct delivery);
    const struct caller *c = rq->caller;
    struct app *app = rq->app;

    rq->work = d;
    if (strcmp(rq->method, "GET") != 0) {
        TRY(app_with_db(rq, may_see));
        return send_bytes(rq);
    }
    d->access = (struct append_access){
        .scope = &rq->scope,
        .key_id = c->key.text,
        .key_digest = c->digest,
        .license_id = match_path(&rq->match, "license"),
        .path = match_path(&rq->match, "path"),
        .done = settled,
        .arg = rq,
    };
    request_suspend(rq);
    append_access_submit(app->append, &d->access);
    return ERR_OK;
}

/* ---- the list */

static err list(struct request *rq, struct db *db)
{
    const struct caller *c = auth_caller(rq);
    const char *party = caller_audits(c) ? NULL : c->party.id.text;
    struct kept_slice k;
    struct license l;
    err e = license_get(&rq->scope, db, match_path(&rq->match, "license"), party, &l);

    if (e == ERR_NOT_FOUND) {
        scope_forgive(&rq->scope);
        return fail(&rq->scope, e, "no such license of yours");
    }
    TRY(e);
    TRY(slice_get(&rq->scope, db, l.slice_no, &k));
    return reply_items(rq, db, &k);
}

err list_license_items(struct request *rq)
{
    return app_with_db(rq, list);
}
