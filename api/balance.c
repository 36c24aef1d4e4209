/* SPDX-License-Identifier: Apache-2.0 */
#include "api/balance.h"

#include <string.h>

#include "api/auth.h"
#include "api/page.h"
#include "api/show.h"
#include "schema/base/money.h"
#include "schema/store/books.h"
#include "schema/store/statement.h"

/* Why it isn't paid out; NULL: nothing is to be. */
static const char *reason_of(const struct balance *b, const struct creator_state *c)
{
    int64_t least = currency_minor(b->currency);

    if (!c || b->amount == 0)
        return NULL;
    if (strcmp(b->kind, "pending") == 0)
        return "held";
    if (strcmp(b->kind, "in_payout") == 0)
        return "in_payout";
    if (c->minimum > least)
        least = c->minimum;
    return b->amount < least ? "below_minimum" : "next_run";
}

static json_t *balance_json(const struct balance *b, const struct creator_state *c)
{
    const char *reason = reason_of(b, c);
    bool held = reason && strcmp(reason, "held") == 0;

    return json_pack("{s:s,s:o,s:I,s:o,s:o,s:o}", "kind", b->kind, "amount", show_money(b->amount, b->currency),
                     "lines", (json_int_t)b->lines, "account",
                     show_text(c ? c->account : NULL), "unpaid", show_text(reason),
                     "until", show_time(held ? c->until : INT64_MIN));
}

static err balances_read(struct request *rq, struct db *db)
{
    const char *party = auth_caller(rq)->party.id.text;
    struct creator_state *states;
    struct balance *rows;
    size_t n, n_states;
    json_t *data;

    TRY(books_balances(&rq->scope, db, party, &rows, &n));
    TRY(creator_states(&rq->scope, db, party, &states, &n_states));
    data = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct creator_state *c = NULL;
        for (size_t k = 0; k < n_states && strcmp(rows[i].kind, "prepaid") != 0; k++)
            if (strcmp(states[k].currency, rows[i].currency) == 0)
                c = &states[k];
        json_array_append_new(data, balance_json(&rows[i], c));
    }
    reply_page(rq, data, NULL);
    return ERR_OK;
}

err show_balances(struct request *rq)
{
    return app_with_db(rq, balances_read);
}
