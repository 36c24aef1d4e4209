/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/statement.h"

#include <string.h>

#include "api/client/receipt.h"
#include "api/client/say.h"
#include "ledger/entry/lists.h"
#include "ledger/keys/sha256.h"
#include "ledger/tree/proof.h"
#include "schema/base/clock.h"
#include "schema/base/money.h"
#include "schema/json/canon.h"

struct check {
    const struct note_key *key;
    const json_t *statement;
    const struct receipt *snapshot;    /* that it ends at; NULL: at none */
    const char *account, *currency;
    const json_t *payouts;
    int64_t from, to;
    int64_t balance, last_n, last_index;
    int64_t newest;                    /* of all entries */
    struct statement_found *found;
};

bool statement_is(const json_t *value)
{
    return json_is_array(json_object_get(value, "accounts")) && json_is_object(json_object_get(value, "receipts"));
}

/* ---- what the entries say */

err statement_receipt(struct scope *s, const struct note_key *key, const json_t *statement, const json_t *thing,
                      struct receipt *out)
{
    const json_t *kept;
    const char *proof;
    struct bytes text;
    int64_t index;

    TRY(json_count(s, json_object_get(thing, "entry"), "index", &index));
    kept = json_object_get(json_object_get(statement, "receipts"), scope_printf(s, "%lld", (long long)index));
    proof = json_string_value(json_object_get(kept, "proof"));
    if (!proof)
        return fail(s, ERR_CORRUPT, "the receipt of entry %lld is not there", (long long)index);
    TRY(canon(s, json_object_get(kept, "document"), &text));
    TRY(receipt_check(s, key, text, (struct bytes){ (const uint8_t *)proof, strlen(proof) }, out));
    if (out->index != (uint64_t)index)
        return fail(s, ERR_CORRUPT, "the receipt of entry %lld is of another one", (long long)index);
    return ERR_OK;
}

/*
 * Each entry once, in the log's order, and within the period by its own time: what another period has is none of this
 * one's.
 */
static err in_turn(struct scope *s, struct check *c, const json_t *event, const struct receipt *r)
{
    int64_t at;

    if (r->index > INT64_MAX || (int64_t)r->index <= c->last_index)
        return fail(s, ERR_CORRUPT, "entry %llu is there twice, or out of order", (unsigned long long)r->index);
    c->last_index = (int64_t)r->index;
    c->newest = c->last_index > c->newest ? c->last_index : c->newest;
    if (!time_parse(json_text_or(event, "at", ""), &at) || at != r->entry.at_ms || at < c->from || at >= c->to)
        return fail(s, ERR_CORRUPT, "its time is not that of entry %llu, or not in the period",
                    (unsigned long long)r->index);
    return ERR_OK;
}

/* A text, hash or count of the entry; disclosed or not. */
static err says(struct scope *s, const struct receipt *r, const char *field, const char *said)
{
    const struct entry_value *v = entry_field(&r->entry, field);
    const char *got = v->kind == V_TEXT ? v->v.text : v->kind == V_HASH ? hash_hex(s, v->v.hash)
                    : v->kind == V_COUNT ? scope_printf(s, "%llu", (unsigned long long)v->v.count) : "nothing";

    return said && strcmp(got, said) == 0 ? ERR_OK
         : fail(s, ERR_CORRUPT, "entry %llu says %s of its %s, the statement %s", (unsigned long long)r->index, got,
                field, said ? said : "nothing");
}

static err amount_of(struct scope *s, const struct check *c, const json_t *event, const char *member, int64_t *micro)
{
    const json_t *money = json_object_get(event, member);
    const char *amount, *currency;

    TRY(json_text(s, money, "amount", &amount));
    TRY(json_text(s, money, "currency", &currency));
    if (strcmp(currency, c->currency) != 0 || !money_parse(amount, currency, micro))
        return fail(s, ERR_CORRUPT, "its %s is no amount in %s", member, c->currency);
    return ERR_OK;
}

/* ---- a line */

static err path_read(struct scope *s, const json_t *path, struct proof *out)
{
    const json_t *one;
    size_t i;

    if (json_array_size(path) > PROOF_HASHES_MAX)
        return fail(s, ERR_CORRUPT, "its path is too long");
    out->n = json_array_size(path);
    json_array_foreach(path, i, one)
        if (!json_is_string(one) || !hash_parse(json_string_value(one), &out->hash[i]))
            return fail(s, ERR_CORRUPT, "its path holds what is no hash");
    return ERR_OK;
}

/* The leaf as bytes, made of the same row that the list has; `amount` and `n` are the line's. */
static err leaf_read(struct scope *s, const struct check *c, const json_t *line, const char **amount, struct hash *leaf)
{
    const json_t *row = json_object_get(json_object_get(line, "proof"), "leaf");
    struct line_row read;
    struct bytes text;

    TRY(canon(s, row, &text));
    if (!line_row_read((const char *)text.p, text.len, &read))
        return fail(s, ERR_CORRUPT, "its leaf is none");
    if (strcmp(read.account.text, c->account) != 0)
        return fail(s, ERR_CORRUPT, "its leaf is of another account");
    if (json_integer_value(json_object_get(line, "n")) != (json_int_t)read.n || read.n > INT64_MAX)
        return fail(s, ERR_CORRUPT, "its leaf has another number");
    *amount = scope_strdup(s, read.amount);
    *leaf = leaf_hash(text.p, text.len);
    return ERR_OK;
}

static err line_proven(struct scope *s, const struct check *c, const json_t *line, const struct receipt *r)
{
    const json_t *proof = json_object_get(line, "proof");
    const char *amount = NULL, *root, *net;
    struct hash leaf, lines_root;
    int64_t place, count;
    struct proof path;

    TRY(leaf_read(s, c, line, &amount, &leaf));
    TRY(json_text(s, json_object_get(line, "net"), "amount", &net));
    if (strcmp(net, amount) != 0)
        return fail(s, ERR_CORRUPT, "its leaf has another amount");
    TRY(json_text(s, proof, "lines_root", &root));
    TRY(json_hash(s, proof, "lines_root", &lines_root));
    TRY(json_count(s, proof, "place", &place));
    TRY(json_count(s, proof, "line_count", &count));
    TRY(path_read(s, json_object_get(proof, "path"), &path));
    TRY(says(s, r, "lines_root", root));
    TRY(says(s, r, "line_count", scope_printf(s, "%lld", (long long)count)));
    if (place < 0 || place >= count ||
        !proof_check_inclusion((uint64_t)place, (uint64_t)count, &leaf, &lines_root, &path))
        return fail(s, ERR_CORRUPT, "its path does not lead to the root that entry %llu names",
                    (unsigned long long)r->index);
    return ERR_OK;
}

static err line_check(struct scope *s, struct check *c, const json_t *line)
{
    int64_t n = json_integer_value(json_object_get(line, "n")), gross, fee, net, sum;
    struct receipt r;

    TRY(statement_receipt(s, c->key, c->statement, line, &r));
    if (r.entry.spec->type != ENTRY_ALLOCATION_POSTED)
        return fail(s, ERR_CORRUPT, "entry %llu is no allocation", (unsigned long long)r.index);
    TRY(says(s, &r, "allocation", json_text_or(line, "allocation", NULL)));
    TRY(says(s, &r, "license", json_text_or(line, "license", NULL)));
    TRY(in_turn(s, c, line, &r));
    TRY(line_proven(s, c, line, &r));
    TRY(amount_of(s, c, line, "gross", &gross));
    TRY(amount_of(s, c, line, "fee", &fee));
    TRY(amount_of(s, c, line, "net", &net));
    if (!money_add(net, fee, &sum) || sum != gross || !money_add(c->balance, net, &c->balance))
        return fail(s, ERR_CORRUPT, "net and fee are not the gross");
    if ((c->last_n || c->from == 0) && n != c->last_n + 1)
        return fail(s, ERR_CORRUPT, "line %lld is missing before it", (long long)c->last_n + 1);
    c->last_n = n;
    return ERR_OK;
}

/* ---- a payout */

/* What the rail answered is of the amount that was instructed, where that is in the statement, too. */
static err same_amount(struct scope *s, const struct check *c, const json_t *payout, int64_t amount)
{
    const json_t *other;
    int64_t instructed;
    size_t i;

    json_array_foreach(c->payouts, i, other) {
        if (strcmp(json_text_or(other, "event", ""), "instructed") != 0 ||
            strcmp(json_text_or(other, "payout", ""), json_text_or(payout, "payout", "?")) != 0)
            continue;
        TRY(amount_of(s, c, other, "amount", &instructed));
        if (instructed != amount)
            return fail(s, ERR_CORRUPT, "its amount is not the one that was instructed");
    }
    return ERR_OK;
}

/* The account before a payout, as the market signed it by its digest: the lines until then, none left out. */
static err before_payout(struct scope *s, const struct check *c, const json_t *payout, const struct receipt *r)
{
    const json_t *statement = json_object_get(payout, "statement");
    struct bytes text;
    struct hash digest;
    int64_t lines;

    if (!json_is_object(statement))
        return fail(s, ERR_CORRUPT, "the account's statement before it is not there");
    TRY(canon(s, statement, &text));
    digest = sha256_of(text.p, text.len);
    TRY(says(s, r, "statement_digest", hash_hex(s, &digest)));
    TRY(says(s, r, "account", json_text_or(statement, "account", NULL)));
    TRY(says(s, r, "payout", json_text_or(statement, "payout", NULL)));
    TRY(says(s, r, "amount", json_text_or(statement, "amount", NULL)));
    TRY(json_count(s, statement, "lines", &lines));
    if (c->last_n && lines > c->last_n)
        return fail(s, ERR_CORRUPT, "it was made after line %lld, and the statement ends with %lld", (long long)lines,
                    (long long)c->last_n);
    return ERR_OK;
}

static err payout_check(struct scope *s, struct check *c, const json_t *payout)
{
    const char *event = json_text_or(payout, "event", "");
    struct receipt r;
    int64_t amount;
    enum entry_type type = strcmp(event, "instructed") == 0 ? ENTRY_PAYOUT_INSTRUCTED
                         : strcmp(event, "settled") == 0    ? ENTRY_PAYOUT_SETTLED : ENTRY_PAYOUT_FAILED;

    TRY(statement_receipt(s, c->key, c->statement, payout, &r));
    TRY(amount_of(s, c, payout, "amount", &amount));
    if (r.entry.spec->type != type || (type == ENTRY_PAYOUT_FAILED && strcmp(event, "failed") != 0))
        return fail(s, ERR_CORRUPT, "entry %llu is of type %s", (unsigned long long)r.index, r.entry.spec->name);
    TRY(says(s, &r, "payout", json_text_or(payout, "payout", NULL)));
    TRY(in_turn(s, c, payout, &r));
    if (type == ENTRY_PAYOUT_INSTRUCTED) {
        TRY(says(s, &r, "account", c->account));
        TRY(says(s, &r, "amount", json_string_value(json_object_get(json_object_get(payout, "amount"), "amount"))));
        TRY(says(s, &r, "currency", c->currency));
        TRY(before_payout(s, c, payout, &r));
    }
    TRY(same_amount(s, c, payout, amount));
    amount = type == ENTRY_PAYOUT_INSTRUCTED ? -amount : type == ENTRY_PAYOUT_FAILED ? amount : 0;
    return money_add(c->balance, amount, &c->balance) ? ERR_OK : fail(s, ERR_CORRUPT, "its amount can't be summed");
}

/* ---- all of it */

static void each(struct scope *s, struct check *c, const json_t *events, const char *what,
                 err (*check)(struct scope *s, struct check *c, const json_t *event), uint64_t *n)
{
    const json_t *event;
    size_t i;

    json_array_foreach(events, i, event) {
        ++*n;
        if (check(s, c, event) == ERR_OK)
            continue;
        c->found->wrong++;
        complain("%s: %s %zu: %s", printable(s, c->account), what, i + 1, printable(s, s->why.detail));
        scope_forgive(s);
    }
}

/* Before an account's first line nothing can have been paid out. */
static bool first_is(const json_t *account, json_int_t n)
{
    return json_integer_value(json_object_get(json_array_get(json_object_get(account, "lines"), 0), "n")) == n;
}

static err end_check(struct scope *s, const struct check *c, const json_t *account)
{
    const struct statement_end end = { c->account, c->currency, c->last_n, c->newest, c->balance };

    return statement_end_check(s, c->snapshot, account, &end);
}

static err lists_there(struct scope *s, const json_t *account)
{
    if (json_is_array(json_object_get(account, "lines")) && json_is_array(json_object_get(account, "payouts")))
        return ERR_OK;
    return fail(s, ERR_CORRUPT, "it has no list of lines, or none of payouts");
}

static err account_check(struct scope *s, struct check *c, const json_t *account)
{
    int64_t closing;

    TRY(json_text(s, account, "account", &c->account));
    TRY(json_text(s, account, "currency", &c->currency));
    if (!currency_known(c->currency))
        return fail(s, ERR_CORRUPT, "%s is no currency", c->currency);
    TRY(lists_there(s, account));
    TRY(amount_of(s, c, account, "opening", &c->balance));
    if (c->balance != 0 && (c->from == 0 || first_is(account, 1)))
        return fail(s, ERR_CORRUPT, "there was nothing before, but the opening balance isn't 0");
    c->payouts = json_object_get(account, "payouts");
    c->last_index = c->newest = -1;
    each(s, c, json_object_get(account, "lines"), "line", line_check, &c->found->lines);
    c->last_index = -1;
    each(s, c, json_object_get(account, "payouts"), "payout", payout_check, &c->found->payouts);
    TRY(amount_of(s, c, account, "closing", &closing));
    if (closing != c->balance)
        return fail(s, ERR_CORRUPT, "opening, lines and payouts do not sum to the closing balance");
    return c->snapshot ? end_check(s, c, account) : ERR_OK;
}

err statement_check(struct scope *s, const struct note_key *key, const json_t *statement, struct statement_found *out)
{
    const json_t *accounts = json_object_get(statement, "accounts"), *account;
    struct receipt snapshot;
    int64_t from, to;
    size_t i;

    *out = (struct statement_found){ .ends = json_object_get(statement, "snapshot") != NULL,
                                     .as_of = (uint64_t)json_integer_value(json_object_get(statement, "as_of")) };
    if (!time_parse(json_text_or(statement, "from", ""), &from) ||
        !time_parse(json_text_or(statement, "to", ""), &to))
        return fail(s, ERR_CORRUPT, "the statement has no period");
    if (out->ends && from != 0)
        return fail(s, ERR_CORRUPT, "a statement that ends at a snapshot begins with the first line, this one later");
    if (out->ends) {
        TRY(statement_snapshot(s, key, statement, &snapshot));
        out->at_ms = snapshot.entry.at_ms;
    }
    if (json_array_size(accounts) == 0)
        return fail(s, ERR_NOT_FOUND, "the statement has no account: there was nothing to check, and whether one was "
                    "left out only an earlier statement shows (statement --verify --seen FILE)");
    json_array_foreach(accounts, i, account) {
        struct check c = { .key = key, .statement = statement, .snapshot = out->ends ? &snapshot : NULL,
                           .account = "?", .from = from, .to = to, .found = out };

        if (account_check(s, &c, account) == ERR_OK)
            continue;
        out->wrong++;
        complain("%s: %s", printable(s, c.account ? c.account : "?"), printable(s, s->why.detail));
        scope_forgive(s);
    }
    return ERR_OK;
}

/* The number of its last line; -1: it isn't there. */
static json_int_t last_of(const json_t *statement, const char *id)
{
    const json_t *account, *lines;
    size_t i;

    json_array_foreach(json_object_get(statement, "accounts"), i, account) {
        if (strcmp(json_text_or(account, "account", ""), id) != 0)
            continue;
        lines = json_object_get(account, "lines");
        return json_integer_value(json_object_get(json_array_get(lines, json_array_size(lines) - 1), "n"));
    }
    return -1;
}

void statement_since(struct scope *s, const json_t *earlier, const json_t *statement, struct statement_found *found)
{
    const json_t *account;
    size_t i;

    json_array_foreach(json_object_get(earlier, "accounts"), i, account) {
        const char *id = json_text_or(account, "account", "");
        json_int_t then = last_of(earlier, id), now = last_of(statement, id);

        if (now >= then)
            continue;
        found->wrong++;
        complain("%s: %s", printable(s, id), now < 0
                 ? "the account is missing, which an earlier statement has"
                 : scope_printf(s, "it ends with line %lld, an earlier statement has line %lld", (long long)now,
                                (long long)then));
    }
}

void statement_tell(struct scope *s, const char *name, const struct statement_found *found)
{
    char at[TIME_TEXT_SIZE];

    time_format(found->at_ms, at);
    say("%s: statement, %s and %s against the log", printable(s, name), count_text(s, found->lines, "line", "lines"),
        count_text(s, found->payouts, "event of payouts", "events of payouts"));
    if (!found->ends)
        say("%s: it ends at no snapshot, which would show that no later line is missing", printable(s, name));
    else if (!found->wrong)
        say("%s: no line is missing up to size %llu of the log, says its snapshot of %s", printable(s, name),
            (unsigned long long)found->as_of, at);
    say("%s", found->wrong ? "NOT SOUND" : "sound");
}
