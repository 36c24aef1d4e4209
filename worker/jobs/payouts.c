/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payouts: instructs the payouts of a run, then makes the file for its rail.
 *
 * It holds the books from the first balance that is read to the last payout, in a transaction of the job's
 * connection; payouts are entered a batch at a time by the committer. A run that was cut off goes on where it was: an
 * account has one payout of a run. The file is made once, when every payout is there and signed for. A snapshot
 * (snapshot.c) comes before the first payout, under the same hold of the books: it covers all that the run pays.
 */
#include <jansson.h>
#include <string.h>

#include "ledger/keys/sha256.h"
#include "schema/base/bytes.h"
#include "schema/base/limits.h"
#include "schema/base/log.h"
#include "schema/base/money.h"
#include "schema/base/random.h"
#include "schema/json/canon.h"
#include "schema/store/books.h"
#include "schema/store/payout.h"
#include "worker/jobs/snapshot.h"
#include "worker/jobs/work.h"
#include "worker/rails/manual.h"

#define ENTER_MS 30000            /* for the entries of one batch */
#define BATCH    200              /* payouts of one operation */

struct due { struct payable *rows; size_t n, cap; };
struct entering { const struct payout_run *run; const struct payable *rows; size_t n; };

static err gather(struct scope *s, void *arg, void *row)
{
    struct due *d = arg;
    struct payable *p = row, *more;

    if (d->n == d->cap) {
        d->cap = d->cap ? 2 * d->cap : 256;
        more = NEWS(s, struct payable, d->cap);
        if (d->n)
            memcpy(more, d->rows, d->n * sizeof *more);
        d->rows = more;
    }
    d->rows[d->n] = *p;
    d->rows[d->n].account = scope_strdup(s, p->account);
    d->rows[d->n].party = scope_strdup(s, p->party);
    d->rows[d->n++].handle = scope_strdup(s, p->handle);
    return ERR_OK;
}

/* The account before the payout, which its owner can lay against her lines: salted, since its digest is public. */
static err statement(struct scope *s, const struct payout_run *run, const struct payable *a, struct payout *p)
{
    uint8_t noise[SALT_SIZE];
    char salt[BASE64_SIZE(SALT_SIZE)];
    struct bytes text;
    json_t *v;
    err e;

    random_bytes(noise, sizeof noise);
    base64url_write(noise, sizeof noise, salt);
    v = json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:s,s:s}", "account", a->account, "amount",
                  amount_text(s, p->amount, run->currency), "available", amount_text(s, a->available, run->currency),
                  "currency", run->currency, "in_payout", amount_text(s, a->in_payout, run->currency), "lines",
                  (json_int_t)a->lines, "payout", p->id.text, "pending", amount_text(s, a->pending, run->currency),
                  "run", run->id.text, "salt", salt);
    if (!v)
        return fail(s, ERR_INTERNAL, "a payout's statement is not UTF-8");
    e = canon(s, v, &text);
    json_decref(v);
    TRY(e);
    p->statement = scope_strndup(s, (const char *)text.p, text.len);
    return ERR_OK;
}

static err instruct(struct scope *s, struct append_txn *t, const struct payout_run *run, const struct payable *a,
                    struct payout *p)
{
    int64_t minor = currency_minor(run->currency);
    struct hash digest;
    uint64_t index;

    *p = (struct payout){ .id = id_new("pyo", t->at_ms), .account = a->account, .party = a->party,
                          .amount = a->available / minor * minor, .created_at = t->at_ms };
    TRY(statement(s, run, a, p));
    digest = sha256_of(p->statement, strlen(p->statement));

    struct named_value values[] = {
        { "payout", EV_TEXT(p->id.text) },
        { "run", EV_TEXT(run->id.text) },
        { "statement_digest", EV_HASH(&digest) },
        { "account", EV_TEXT(a->account) },
        { "amount", EV_TEXT(amount_text(s, p->amount, run->currency)) },
        { "currency", EV_TEXT(run->currency) },
    };
    TRY(append_entry(s, t, ENTRY_PAYOUT_INSTRUCTED, values, ARRAY_LEN(values), &index));
    p->index = (int64_t)index;
    return ERR_OK;
}

static err enter(struct scope *s, struct append_txn *t, void *arg)
{
    const struct entering *w = arg;
    struct payout *p = NEWS(s, struct payout, w->n);

    TRY(snapshot_demand(s, t));
    for (size_t i = 0; i < w->n; i++)
        TRY(instruct(s, t, w->run, &w->rows[i], &p[i]));
    return payouts_add(s, t->db, w->run, p, w->n);
}

/* Everything that is payable, under one hold of the books. */
static err instruct_all(struct scope *s, struct work *w, void *arg)
{
    const struct payout_run *run = arg;
    int64_t minor = currency_minor(run->currency);
    struct due due = { 0 };
    err e;

    TRY(snapshot_cover(s, w));
    TRY(db_begin(s, w->db));
    TRY(payouts_due(s, w->db, run, run->minimum > minor ? run->minimum : minor, gather, &due));
    for (size_t from = 0; from < due.n; from += BATCH) {
        struct entering batch = { run, &due.rows[from], due.n - from < BATCH ? due.n - from : BATCH };

        TRY(work_left(s, w));
        e = work_append(s, w, ENTER_MS, enter, &batch);
        if (e == ERR_STALE) {               /* time mends it: not counted as a failure */
            scope_forgive(s);
            return fail(s, ERR_BUSY, "creators were given something since the snapshot");
        }
        TRY(e);
    }
    return db_commit(s, w->db);
}

static err add_row(struct scope *s, void *arg, void *row)
{
    (void)s;
    manual_add(arg, row);
    return ERR_OK;
}

/* An attempt that was cut off may have left payouts that no checkpoint covers yet: the file waits for that. */
static err hand_over(struct scope *s, struct work *w, struct payout_run *run)
{
    struct buf file = BUF(s);

    TRY(payout_run_get(s, w->db, run->id.text, run));
    if (run->last_index >= 0 && append_signed_size(w->append) <= (uint64_t)run->last_index)
        return fail(s, ERR_BUSY, "payouts are not signed for yet");
    TRY(db_begin(s, w->db));
    TRY(books_hold(s, w->db));
    manual_begin(&file);
    TRY(payouts_each(s, w->db, run->no, add_row, &file));
    TRY(payout_run_done(s, w->db, run, (struct bytes){ (const uint8_t *)file.p, file.len }));
    TRY(db_commit(s, w->db));
    log_line(LOG_INFO, "payouts instructed run=%s payouts=%lld", run->id.text, (long long)run->payouts);
    return ERR_OK;
}

static err pay_out(struct scope *s, struct work *w, const char *id)
{
    struct payout_run run;

    TRY(payout_run_get(s, w->db, id, &run));
    if (strcmp(run.state, "running") != 0)
        return ERR_OK;
    TRY(with_books(s, w, instruct_all, &run));
    return hand_over(s, w, &run);
}

err payouts_run(struct scope *s, struct work *w)
{
    const char *id;
    err e;

    TRY(work_named(s, w, "run", &id));
    e = pay_out(s, w, id);
    if (e != ERR_OK)
        db_rollback(w->db);
    return e;
}
