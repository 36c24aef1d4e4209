/* SPDX-License-Identifier: Apache-2.0 */
#include "api/covered.h"

#include "api/page.h"
#include "api/show.h"
#include "ledger/append/append.h"
#include "schema/base/log.h"

/* An answer that is ready but for the signature over its entry. */
struct held { struct append_wait wait; struct scope patience; json_t *answer; };

/* -1: names none. */
static json_int_t entry_of(const json_t *thing)
{
    const json_t *index = json_object_get(json_object_get(thing, "entry"), "index");

    return json_is_integer(index) ? json_integer_value(index) : -1;
}

static bool is_covered(json_int_t index, uint64_t size)
{
    return index < 0 || (uint64_t)index < size;
}

static err say(struct request *rq)
{
    struct held *h = rq->work;

    reply_json(rq, 200, h->answer);
    return ERR_OK;
}

/* Who asks to see something is shown it, without the entry if that isn't signed for in time. */
static void signed_for(struct append_wait *w, err e)
{
    struct request *rq = w->arg;
    struct held *h = rq->work;

    if (e != ERR_OK)
        json_object_set_new(h->answer, "entry", json_null());
    scope_free(&h->patience);
    request_continue(rq, say);
}

void reply_covered(struct request *rq, json_t *answer)
{
    const struct app *app = rq->app;
    json_int_t index = entry_of(answer);
    struct held *h;

    if (is_covered(index, append_signed_size(app->append))) {
        reply_json(rq, 200, answer);
        return;
    }
    h = NEW(&rq->scope, struct held);
    scope_init(&h->patience, COVER_WAIT_MS);
    h->wait = (struct append_wait){ .index = (uint64_t)index, .scope = &h->patience, .done = signed_for, .arg = rq };
    h->answer = answer;
    rq->work = h;
}

err covered_read(struct request *rq, err (*work)(struct request *rq, struct db *db))
{
    const struct app *app = rq->app;
    struct held *h;

    TRY(app_with_db(rq, work));
    if (rq->reply.status != 0)
        return ERR_OK;
    h = rq->work;                           /* its connection is given back: it may take a while */
    request_suspend(rq);
    append_wait(app->append, &h->wait);
    return ERR_OK;
}

json_t *as_covered(struct request *rq, json_t *thing)
{
    const struct app *app = rq->app;

    if (!is_covered(entry_of(thing), append_signed_size(app->append)))
        json_object_set_new(thing, "entry", json_null());
    return thing;
}

void reply_covered_page(struct request *rq, json_t *data, const char *last)
{
    json_t *row;
    size_t i;

    json_array_foreach(data, i, row)
        as_covered(rq, row);
    reply_page(rq, data, last);
}

err credential_add(struct request *rq, struct db *db, const struct hash *document, uint64_t index, json_t *answer)
{
    const struct app *app = rq->app;
    struct scope *s = &rq->scope;
    struct bytes text;
    err e = append_document_signed(s, app->append, db, document, index, &text);

    if (e == ERR_INVALID) {                  /* the signer refuses it: one that has lost an issuer's key does */
        log_why(LOG_ERROR, "a document is not signed", s);
        e = ERR_NOT_FOUND;
    }
    if (e == ERR_BUSY || e == ERR_UNREACHABLE || e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return ERR_OK;
    }
    TRY(e);
    json_object_set_new(answer, "credential", show_json(scope_strndup(s, (const char *)text.p, text.len)));
    return ERR_OK;
}
