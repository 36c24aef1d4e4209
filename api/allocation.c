/* SPDX-License-Identifier: Apache-2.0 */
#include "api/allocation.h"

#include "api/auth.h"
#include "api/page.h"
#include "api/show.h"
#include "ledger/entry/entry.h"
#include "schema/base/money.h"
#include "schema/store/statement.h"

static json_t *leaf_json(const struct allocation_leaf *l)
{
    char amount[MONEY_TEXT_SIZE], salt[BASE64_SIZE(SALT_SIZE)] = "";

    if (l->erased)
        return json_pack("{s:o}", "leaf", show_hash(&l->leaf));
    money_format(l->amount, l->currency, amount);
    if (l->salt.len == SALT_SIZE)
        base64url_write(l->salt.p, SALT_SIZE, salt);
    return json_pack("{s:s,s:s,s:I,s:s,s:s}", "account", l->account, "amount", amount, "n", (json_int_t)l->n, "party",
                     l->party, "salt", salt);
}

static err lines_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    const struct app *app = rq->app;
    const struct caller *c = auth_caller(rq);
    const char *party = caller_audits(c) ? NULL : c->party.id.text;
    const char *id = match_path(&rq->match, "allocation");
    int64_t limit = page_limit(rq), after;
    struct allocation_leaf *rows;
    json_t *data;
    size_t n;
    err e;

    TRY(page_after_number(rq, -1, &after));
    e = allocation_seen(s, db, id, party, (int64_t)append_signed_size(app->append));
    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return fail(s, e, "you have no such allocation");
    }
    TRY(e);
    TRY(allocation_leaves(s, db, id, after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, leaf_json(&rows[i]));
    reply_page(rq, data, n > (size_t)limit ? scope_printf(s, "%lld", (long long)rows[limit - 1].place) : NULL);
    return ERR_OK;
}

err list_allocation_lines(struct request *rq)
{
    return app_with_db(rq, lines_read);
}
