/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/statement.h"

#include <string.h>

#include "api/client/folder.h"
#include "api/client/instant.h"
#include "api/client/market.h"
#include "api/client/receipt.h"
#include "api/client/say.h"
#include "api/client/verb.h"
#include "schema/json/canon.h"

struct options { const char *from, *to, *format, *save, *key, *seen; bool verify; };

static const struct flag flags[] = {
    { "from", "WHEN", false, offsetof(struct options, from),
      "first instant of the period: 2026-11-01, or 2026-11-01T12:00:00Z" },
    { "to", "WHEN", false, offsetof(struct options, to), "first instant after it; now if not said" },
    { "format", "NAME", false, offsetof(struct options, format), "json, csv or journal (for hledger), as it is" },
    { "save", "FILE", false, offsetof(struct options, save),
      "write it with all that proves it into FILE, for counterfoil verify" },
    { "verify", NULL, false, offsetof(struct options, verify),
      "check that no line is missing: all of it up to the market's newest snapshot, against the log" },
    { "key", "VKEY", false, offsetof(struct options, key), "the log's verifier key; the market's word if not said" },
    { "seen", "FILE", false, offsetof(struct options, seen),
      "with --verify, an earlier statement that was saved: none of its accounts may be missing" },
};

static err path_of(struct scope *s, const struct options *o, const char *format, const char **out)
{
    const struct { const char *name, *text; } ends[] = { { "from", o->from }, { "to", o->to } };
    struct buf path = BUF(s);
    const char *form;

    buf_printf(&path, "/v1/statements?format=%s", fetch_escape(s, format));
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        if (!ends[i].text)
            continue;
        TRY(instant_read(s, ends[i].text, &form));
        buf_printf(&path, "&%s=%s", ends[i].name, fetch_escape(s, form));
    }
    if (o->verify)
        buf_str(&path, "&snapshot=newest");
    *out = path.p;
    return ERR_OK;
}

static err print_as_is(struct scope *s, struct market *m, const char *path)
{
    struct fetch_request rq = { .method = FETCH_GET, .answer_max = MARKET_ANSWER_MAX };
    struct fetch_answer a;

    TRY(market_run(s, m, path, &rq, true, &a));
    fwrite(a.body.p, 1, a.body.len, stdout);
    return ERR_OK;
}

/* ---- saving */

static err keep_receipt(struct scope *s, struct market *m, const json_t *event, json_t *receipts)
{
    struct bytes document, proof;
    json_t *parsed = NULL;
    const char *name;
    int64_t index;

    TRY(json_count(s, json_object_get(event, "entry"), "index", &index));
    name = scope_printf(s, "%lld", (long long)index);
    if (json_object_get(receipts, name))
        return ERR_OK;
    TRY(receipt_fetch(s, m, (uint64_t)index, &document, &proof));
    TRY(json_read(s, (const char *)document.p, document.len, &parsed));
    return json_object_set_new(receipts, name, json_pack("{s:o,s:s%}", "document", parsed, "proof",
                                                         (const char *)proof.p, proof.len)) == 0
         ? ERR_OK : fail(s, ERR_CORRUPT, "entry %s could not be kept", name);
}

static err keep_receipts(struct scope *s, struct market *m, json_t *statement)
{
    json_t *receipts = json_object(), *account, *event;
    size_t i, k;

    json_object_set_new(statement, "receipts", receipts);
    if (json_object_get(statement, "snapshot"))
        TRY(keep_receipt(s, m, json_object_get(statement, "snapshot"), receipts));
    json_array_foreach(json_object_get(statement, "accounts"), i, account) {
        json_array_foreach(json_object_get(account, "lines"), k, event)
            TRY(keep_receipt(s, m, event, receipts));
        json_array_foreach(json_object_get(account, "payouts"), k, event)
            TRY(keep_receipt(s, m, event, receipts));
    }
    return ERR_OK;
}

static err save(struct scope *s, const char *path, json_t *statement)
{
    struct bytes text;
    struct buf b = BUF(s);

    TRY(canon(s, statement, &text));
    buf_add(&b, text.p, text.len);
    buf_char(&b, '\n');
    return file_write(s, path, b.p, b.len);
}

/* ---- telling */

static void tell_account(struct scope *s, const json_t *account)
{
    const json_t *line, *payout;
    size_t i;

    say("account    %s, %s", json_text_or(account, "account", "?"), json_text_or(account, "currency", "?"));
    say("opening    %s", money_text(s, json_object_get(account, "opening")));
    json_array_foreach(json_object_get(account, "lines"), i, line)
        say("line %-5lld %s  %s  %s v%lld: %s less %s", (long long)json_integer_value(json_object_get(line, "n")),
            money_text(s, json_object_get(line, "net")), json_text_or(line, "at", "?"),
            printable(s, json_text_or(line, "dataset", "?")),
            (long long)json_integer_value(json_object_get(line, "version")),
            money_text(s, json_object_get(line, "gross")), money_text(s, json_object_get(line, "fee")));
    json_array_foreach(json_object_get(account, "payouts"), i, payout)
        say("payout     %s  %s  %s, %s", money_text(s, json_object_get(payout, "amount")),
            json_text_or(payout, "at", "?"), json_text_or(payout, "payout", "?"), json_text_or(payout, "event", "?"));
    say("closing    %s", money_text(s, json_object_get(account, "closing")));
}

static void tell(struct scope *s, const json_t *statement)
{
    const json_t *accounts = json_object_get(statement, "accounts"), *account;
    size_t i;

    if (json_array_size(accounts) == 0)
        say("no accounts: nothing was allocated to you yet");
    json_array_foreach(accounts, i, account)
        tell_account(s, account);
}

/* ---- verifying */

static err log_key(struct scope *s, struct market *m, const char *given, struct note_key *out)
{
    const char *own;

    if (given)
        return note_key_parse(given, out) ? ERR_OK : fail(s, ERR_INVALID, "not a verifier key of a log: %s", given);
    TRY(log_key_fetch(s, m, out, &own));
    say("log key    the market's own: %s (--key takes one from elsewhere)", printable(s, own));
    return ERR_OK;
}

static err seen_check(struct scope *s, const char *path, const json_t *statement, struct statement_found *found)
{
    struct json_rules rules = { .values_max = MARKET_VALUES_MAX };
    struct bytes text;
    json_t *earlier;
    bool is;

    TRY(file_read(s, path, STATEMENT_BYTES_MAX, &text));
    TRY(json_read_as(s, (const char *)text.p, text.len, rules, &earlier));
    is = statement_is(earlier);
    if (is)
        statement_since(s, earlier, statement, found);
    json_decref(earlier);
    return is ? ERR_OK : fail(s, ERR_INVALID, "%s is no statement that was saved", path);
}

static err verify(struct scope *s, struct market *m, const struct options *o, const json_t *statement, int *exit_code)
{
    struct statement_found found;
    struct note_key key;
    err e;

    TRY(log_key(s, m, o->key, &key));
    if (!json_is_object(json_object_get(statement, "snapshot")))
        return fail(s, ERR_CORRUPT, "the market's statement ends at no snapshot");
    e = statement_check(s, &key, statement, &found);
    if (e != ERR_OK && (e != ERR_NOT_FOUND || !o->seen)) {
        *exit_code = e == ERR_NOT_FOUND ? EXIT_UNKNOWN : EXIT_FINDINGS;
        return e;
    }
    *exit_code = EXIT_UNKNOWN;
    scope_forgive(s);
    if (o->seen)
        TRY(seen_check(s, o->seen, statement, &found));
    if (e == ERR_NOT_FOUND && !found.wrong)
        return fail(s, e, "the statement has no account, nor has %s: there was nothing to check",
                    printable(s, o->seen));
    statement_tell(s, "your accounts", &found);
    *exit_code = found.wrong ? EXIT_FINDINGS : EXIT_SOUND;
    return ERR_OK;
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    struct market m;
    json_t *answer = NULL;
    const char *path;
    err e;

    if (o->format && o->save)
        return fail(s, ERR_INVALID, "--save writes a format of its own");
    if (o->verify && (o->from || o->to || o->format))
        return fail(s, ERR_INVALID, "--verify takes all lines from the first on: no --from, --to, --format");
    if (o->key && !o->verify)
        return fail(s, ERR_INVALID, "--key goes with --verify");
    if (o->seen && !o->verify)
        return fail(s, ERR_INVALID, "--seen goes with --verify");
    TRY(path_of(s, o, o->format ? o->format : "json", &path));
    TRY(market_open(s, &m, true));
    if (o->format) {
        e = print_as_is(s, &m, path);
    } else {
        e = market_get(s, &m, path, &answer);
        if (e == ERR_OK && (o->save || o->verify))
            e = keep_receipts(s, &m, answer);
        if (e == ERR_OK && o->save)
            e = save(s, o->save, answer);
        if (e == ERR_OK)
            tell(s, answer);
        if (e == ERR_OK && o->verify)
            e = verify(s, &m, o, answer, &c->exit_code);
    }
    json_decref(answer);
    market_close(&m);
    return e;
}

const struct verb verb_statement = {
    .name = "statement", .args = "",
    .line = "show what you were allocated and paid, or save it with its proofs",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
