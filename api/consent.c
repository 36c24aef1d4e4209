/* SPDX-License-Identifier: Apache-2.0 */
#include "api/consent.h"

#include <string.h>

#include "api/auth.h"
#include "api/covered.h"
#include "api/ledgered.h"
#include "api/page.h"
#include "api/refused.h"
#include "api/show.h"
#include "schema/store/consent.h"

/* Its entry is the last one that changed it: what a reader waits for. */
json_t *consent_show(const struct consent_row *c)
{
    int64_t entry = c->withdrawn >= 0 ? c->withdrawn : c->index;
    json_t *shown;

    shown = json_pack("{s:s,s:s,s:s,s:o,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:I,s:o,s:o,s:I,s:o,s:o,s:o}", "id",
                     c->id.text, "creator", c->creator.text, "state", c->state, "reason", show_text(c->reason),
                     "public_key", c->public_key, "credential", c->credential, "role", c->role, "assurance_level",
                     c->assurance, "purposes", show_words(c->purposes), "prohibitions", show_words(c->prohibitions),
                     "document", show_hash(&c->document), "coverage_root", show_hash(&c->root), "item_count",
                     (json_int_t)c->item_count, "valid_from", show_time(c->valid_from), "valid_until",
                     show_time(c->valid_until), "status_index", (json_int_t)c->place, "created_at",
                     show_time(c->created_at), "withdrawn_at", show_time(c->withdrawn_at), "entry",
                     entry >= 0 ? entry_link((uint64_t)entry) : json_null());
    refusal_show(shown, c->reason);
    return shown;
}

err consent_named(struct request *rq, struct db *db, struct consent_row *out)
{
    struct scope *s = &rq->scope;
    const struct caller *c = auth_caller(rq);
    const char *id = match_path(&rq->match, "consent");
    err e = consent_get(s, db, id, out);

    if (e == ERR_OK && (caller_owns(c, &out->creator) || caller_oversees(c)))
        return ERR_OK;
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    return fail(s, ERR_NOT_FOUND, "there is no consent %s of yours", id);
}

static err consents_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    const struct caller *c = auth_caller(rq);
    int64_t limit = page_limit(rq);
    struct consent_row *rows;
    const char *after;
    json_t *data;
    size_t n;

    TRY(page_after(rq, &after));
    TRY(consent_list(s, db, caller_whose(c), after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, consent_show(&rows[i]));
    reply_covered_page(rq, data, n > (size_t)limit ? rows[limit - 1].id.text : NULL);
    return ERR_OK;
}

err list_consents(struct request *rq)
{
    return app_with_db(rq, consents_read);
}

static err consent_shown(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct consent_row c;
    json_t *shown;

    TRY(consent_named(rq, db, &c));
    shown = consent_show(&c);
    json_object_set_new(shown, "certificate", show_json(scope_strndup(s, (const char *)c.bytes.p, c.bytes.len)));
    reply_covered(rq, shown);
    return ERR_OK;
}

err show_consent(struct request *rq)
{
    return covered_read(rq, consent_shown);
}

/* ---- what it covers */

/* What was rejected covers nothing: its list went with the rejection. */
static err coverage_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    int64_t limit = page_limit(rq);
    struct bytes after = { (const uint8_t *)"", 0 };
    char last[HEX_SIZE(HASH_SIZE)];
    struct consent_row c;
    struct hash at, *items;
    const char *key;
    json_t *data;
    size_t n;

    TRY(page_after(rq, &key));
    if (*key && !hex_read(key, strlen(key), at.b, HASH_SIZE))
        return page_bad_cursor(rq);
    if (*key)
        after = (struct bytes){ at.b, HASH_SIZE };
    TRY(consent_named(rq, db, &c));
    if (strcmp(c.state, "rejected") == 0)
        return fail(s, ERR_GONE, "the list went with the rejection of the consent");
    TRY(consent_items(s, db, c.no, after, limit + 1, &items, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, json_pack("{s:o}", "sha256", show_hash(&items[i])));
    if (n > (size_t)limit)
        hex_write(items[limit - 1].b, HASH_SIZE, last);
    reply_page(rq, data, n > (size_t)limit ? last : NULL);
    return ERR_OK;
}

err list_coverage(struct request *rq)
{
    return app_with_db(rq, coverage_read);
}
