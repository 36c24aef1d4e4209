/* SPDX-License-Identifier: Apache-2.0 */
#include "api/erasure.h"

#include <string.h>

#include "api/auth.h"
#include "api/covered.h"
#include "api/ledgered.h"
#include "api/page.h"
#include "api/show.h"
#include "ledger/entry/entry.h"
#include "ledger/tree/frontier.h"
#include "schema/json/shape.h"
#include "schema/store/books.h"
#include "schema/store/erasure.h"
#include "schema/store/job.h"
#include "schema/store/party.h"

struct wish { const char *party, *reason; bool forfeit; const struct caller *caller; };
static const struct json_member wish_members[] = {
    JSON_MEMBER(wish, party, JSON_TEXT, REQUIRED),
    JSON_MEMBER(wish, reason, JSON_TEXT, REQUIRED),
    JSON_MEMBER(wish, forfeit, JSON_BOOL, OPTIONAL),
};

static json_t *entry_or_null(int64_t index)
{
    return index < 0 ? json_null() : entry_link((uint64_t)index);
}

static json_t *erasure_json(const struct erasure *e)
{
    return json_pack("{s:s,s:s,s:s,s:o,s:I,s:I,s:o,s:o,s:o,s:o}", "id", e->id.text, "state", e->state, "reason",
                     e->reason, "closed", entry_or_null(e->closed_index), "entries", (json_int_t)e->entries, "left",
                     (json_int_t)e->left, "requested_at", show_time(e->requested_at), "erased_at",
                     show_time(e->erased_at), "done_at", show_time(e->done_at), "entry", entry_or_null(e->index));
}

/* ---- what law and money still need */

static const struct { const char *code, *remedy; } remedies[] = {
    { "is_operator",       "an operator is not erased: make another one first, without this role" },
    { "license_running",   "end it by POST /v1/licenses/{license}/end, or wait until its term is over" },
    { "offer_open",        "withdraw it by POST /v1/offers/{offer}/withdraw" },
    { "license_sold",      "its buyer still uses it: wait until its term is over, or end it" },
    { "consent_held",      "its creator revokes it by POST /v1/consents/{consent}/revoke, or it runs out" },
    { "trusted_certifier", "trust it no more by POST /v1/certifiers" },
    { "clearance_pending", "wait until a worker has decided it" },
    { "allocation_due",    "wait until its payment is split and what is left over refunded" },
    { "balance_held",      "wait until what is pending becomes available" },
    { "payout_under_way",  "tell what became of it by POST /v1/payouts/{payout}/settle or /fail" },
    { "balance",           "pay it out; or send \"forfeit\": true, and it falls to the platform" },
};

static err settled(struct scope *s, struct db *db, const struct party *p, int64_t now, bool forfeit)
{
    struct erasure_blocker b;
    err e = erasure_blocker(s, db, p->id.text, now, forfeit, &b);

    if (e != ERR_OK) {
        scope_forgive(s);
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    }
    for (size_t i = 0; i < ARRAY_LEN(remedies); i++)
        if (strcmp(remedies[i].code, b.code) == 0)
            return fail_at(s, ERR_UNSETTLED, "/party", "%s %s: %s", b.code, b.what, remedies[i].remedy);
    return fail(s, ERR_INTERNAL, "no remedy for %s", b.code);
}

static err forfeit_all(struct scope *s, struct db *db, const struct party *p, uint64_t index)
{
    struct forfeit *rows;
    size_t n;

    TRY(erasure_forfeits(s, db, p->id.text, &rows, &n));
    for (size_t i = 0; i < n; i++) {
        struct book_line lines[] = { { p->id.text, rows[i].kind, -rows[i].amount }, { NULL, "fees", rows[i].amount } };

        TRY(books_post(s, db, "forfeit", index, rows[i].currency, lines, ARRAY_LEN(lines)));
    }
    return ERR_OK;
}

/* ---- asking */

static err party_to_erase(struct scope *s, struct db *db, const struct wish *w, struct party *out)
{
    const char *state;
    err e = strncmp(w->party, "pty_", 4) == 0 ? party_get(s, db, w->party, out) : party_by_handle(s, db, w->party, out);

    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return fail_at(s, ERR_NOT_FOUND, "/party", "there is no such party");
    }
    TRY(e);
    TRY(erasure_hold(s, db, out->id.text, &state));
    return strcmp(state, "closed") == 0 ? fail(s, ERR_STALE, "the party is closed: its erasure is under way, or done")
                                        : ERR_OK;
}

static err erase_decide(struct scope *s, struct append_txn *t, void *arg)
{
    const struct wish *w = arg;
    struct erasure e = { .id = id_new("ers", t->at_ms), .operator = w->caller->party.id, .reason = w->reason,
                         .requested_at = t->at_ms };
    struct party p;
    uint64_t index;

    if (append_rules_version(t) < entry_spec(ENTRY_PARTY_CLOSED)->since)
        return fail(s, ERR_STALE, "the log is under older rules: counterfoil-schema rules brings the newest");
    TRY(party_to_erase(s, t->db, w, &p));
    TRY(books_hold(s, t->db));
    TRY(settled(s, t->db, &p, t->at_ms, w->forfeit));

    struct named_value values[] = { { "party", EV_TEXT(p.id.text) } };
    TRY(append_entry(s, t, ENTRY_PARTY_CLOSED, values, ARRAY_LEN(values), &index));
    if (w->forfeit)
        TRY(forfeit_all(s, t->db, &p, index));
    e.party = p.id;
    e.closed_index = (int64_t)index;
    TRY(erasure_add(s, t->db, &e));
    TRY(job_enqueue(s, t->db, JOB_ERASE, "due", "{}", INT64_MIN, NULL));
    TRY(erasure_get(s, t->db, e.id.text, &e));
    return ledgered_answer(s, t, 202, index, erasure_json(&e), NULL);
}

err create_erasure(struct request *rq)
{
    struct wish *w = NEW(&rq->scope, struct wish);

    TRY(json_shape(&rq->scope, rq->body, "", wish_members, ARRAY_LEN(wish_members), w));
    if (!code_known(&erasure_codes, w->reason))
        return fail_at(&rq->scope, ERR_INVALID, "/reason", "no such reason");
    w->caller = auth_caller(rq);
    return ledgered_then(rq, erase_decide, w, job_notify);
}

/* ---- reading */

static err erasures_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    int64_t limit = page_limit(rq);
    struct erasure *rows;
    const char *after;
    json_t *data;
    size_t n;

    TRY(page_after(rq, &after));
    TRY(erasure_all(s, db, after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, erasure_json(&rows[i]));
    reply_covered_page(rq, data, n > (size_t)limit ? rows[limit - 1].id.text : NULL);
    return ERR_OK;
}

err list_erasures(struct request *rq)
{
    return app_with_db(rq, erasures_read);
}

static err erasure_read(struct request *rq, struct db *db)
{
    const char *id = match_path(&rq->match, "erasure");
    struct scope *s = &rq->scope;
    struct erasure e;
    err got = erasure_get(s, db, id, &e);

    if (got == ERR_NOT_FOUND) {
        scope_forgive(s);
        return fail(s, got, "there is no erasure %s", id);
    }
    TRY(got);
    reply_covered(rq, erasure_json(&e));
    return ERR_OK;
}

err show_erasure(struct request *rq)
{
    return covered_read(rq, erasure_read);
}

static json_t *erased_json(const struct erased_entry *z)
{
    char salt[BASE64_SIZE(SALT_SIZE)] = "";

    if (z->salt.len == SALT_SIZE)
        base64url_write(z->salt.p, SALT_SIZE, salt);
    return json_pack("{s:o,s:I,s:I,s:s}", "fields", show_words(z->fields), "index", (json_int_t)z->index, "rows",
                     (json_int_t)z->rows, "salt", salt);
}

/* The list shows which entries are of one party: who reads all private fields knows that from them anyway. */
static err erased_read(struct request *rq, struct db *db)
{
    const struct app *app = rq->app;
    struct scope *s = &rq->scope;
    int64_t limit = page_limit(rq), after;
    const char *index = match_path(&rq->match, "index");
    struct erased_entry *rows;
    uint64_t at = TREE_SIZE_MAX;
    json_t *data;
    size_t n;
    err e;

    if (!caller_oversees(auth_caller(rq)))
        return fail(s, ERR_FORBIDDEN, "this needs an auditor's grant");
    TRY(page_after_number(rq, -1, &after));
    if (!decimal_read(index, strlen(index), TREE_SIZE_MAX, &at) || at >= append_signed_size(app->append))
        return fail(s, ERR_NOT_FOUND, "the log has no such entry");
    e = erasure_entries(s, db, (int64_t)at, after, limit + 1, &rows, &n);
    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return fail(s, e, "this entry erases nothing");
    }
    TRY(e);
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, erased_json(&rows[i]));
    reply_page(rq, data, n > (size_t)limit ? scope_printf(s, "%lld", (long long)rows[limit - 1].index) : NULL);
    return ERR_OK;
}

err list_erased(struct request *rq)
{
    return app_with_db(rq, erased_read);
}
