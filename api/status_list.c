/* SPDX-License-Identifier: Apache-2.0 */
#include "api/status_list.h"

#include <inttypes.h>

#include "api/app.h"
#include "api/page.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/store/consent.h"

static err lists_read(struct request *rq, struct db *db)
{
    struct status_list_row *rows;
    json_t *data;
    size_t n;

    TRY(status_lists(&rq->scope, db, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(data, json_pack("{s:s,s:s,s:s,s:s,s:I,s:i}", "id", rows[i].id.text, "of", rows[i].kind,
                                              "purpose", rows[i].purpose, "url", rows[i].url, "pair",
                                              (json_int_t)rows[i].pair, "places", (int)rows[i].places));
    reply_page(rq, data, NULL);
    return ERR_OK;
}

err list_status_lists(struct request *rq)
{
    return app_with_db(rq, lists_read);
}

static err list_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct app *app = rq->app;
    const char *when = match_query(&rq->match, "timestamp"), *id = match_path(&rq->match, "list");
    struct status_publication p;
    struct bytes text;
    int64_t at = INT64_MAX;
    err e;

    if (when && !time_parse_lenient(when, &at))
        return fail_at(s, ERR_INVALID, "?timestamp", "must be an instant of RFC 3339");
    e = status_published(s, db, id, at, append_signed_size(app->append), &p);
    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return fail(s, ERR_NOT_FOUND, "no state of the list %s was published by then", id);
    }
    TRY(e);
    e = append_document_signed(s, app->append, db, &p.document, (uint64_t)p.index, &text);
    if (e == ERR_INVALID) {                  /* the signer refuses it */
        log_why(LOG_ERROR, "a status list is not signed", s);
        scope_forgive(s);
        return fail(s, ERR_NOT_FOUND, "that state of the list %s is not signed, and won't be", id);
    }
    TRY(e);
    reply_header(rq, "Access-Control-Allow-Origin", "*");
    reply_header(rq, "Counterfoil-Entry", scope_printf(s, "%" PRId64, p.index));
    reply_header(rq, "Cache-Control", scope_printf(s, "public, max-age=%d", STATUS_LIST_CACHE_S));
    reply_bytes(rq, 200, "application/vc", text.p, text.len);
    return ERR_OK;
}

err show_status_list(struct request *rq)
{
    return app_with_db(rq, list_read);
}
