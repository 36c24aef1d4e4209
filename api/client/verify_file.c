/* SPDX-License-Identifier: Apache-2.0 */
/* One file, by what is in it. */
#include <string.h>

#include "api/client/credential.h"
#include "api/client/folder.h"
#include "api/client/market.h"
#include "api/client/receipt.h"
#include "api/client/say.h"
#include "api/client/statement.h"
#include "schema/json/canon.h"

#define KINDS "a receipt, a tlog-proof, a checkpoint, a statement or a credential (license, clearance, status list, " \
              "consent, certificate, withdrawal)"

static err key_needed(struct scope *s, const struct verify_with *with, const char *what)
{
    return with->key ? ERR_OK
         : fail(s, ERR_CONFIG, "%s is verified with --key VKEY, the log's verifier key as it was published", what);
}

/* ---- entries, proofs, checkpoints */

static err receipt_verify(struct scope *s, const char *path, const struct verify_with *with)
{
    struct bytes proof;
    struct receipt r;

    TRY(key_needed(s, with, "a receipt"));
    TRY(receipt_read(s, path, with->key, &proof, &r));
    if (with->policy)
        TRY(receipt_meets(s, with->policy, with->key, proof));
    say("%s: entry %llu of %s, %s, in the tree of %llu entries", printable(s, path), (unsigned long long)r.index,
        r.checkpoint.origin, r.entry.spec->name, (unsigned long long)r.checkpoint.size);
    say("sound");
    return ERR_OK;
}

static err checkpoint_verify(struct scope *s, const char *path, struct bytes note, const struct verify_with *with)
{
    struct policy_verdict *v = NEW(s, struct policy_verdict);
    struct checkpoint c;

    TRY(key_needed(s, with, "a checkpoint"));
    TRY(receipt_checkpoint(s, with->key, note, &c));
    if (with->policy) {
        TRY(policy_judge(s, with->policy, with->key, (const char *)note.p, note.len, v));
        if (!v->met)
            return fail(s, ERR_CORRUPT, "below the policy: %s (fetch /log/checkpoint again, cosigned)", v->missing);
    }
    say("%s: checkpoint of %s, %llu entries, root %s", printable(s, path), c.origin, (unsigned long long)c.size,
        hash_hex(s, &c.root));
    say("sound");
    return ERR_OK;
}

/* ---- statements */

/* Every receipt that the statement brings; those it lacks are found elsewhere. */
static err statement_meets(struct scope *s, const json_t *statement, const struct verify_with *with)
{
    const char *index, *proof;
    json_t *kept;

    json_object_foreach(json_object_get((json_t *)(uintptr_t)statement, "receipts"), index, kept) {
        proof = json_string_value(json_object_get(kept, "proof"));
        if (proof)
            TRY(receipt_meets(s, with->policy, with->key, (struct bytes){ (const uint8_t *)proof, strlen(proof) }));
    }
    return ERR_OK;
}

static err statement_verify(struct scope *s, const char *path, const json_t *statement,
                            const struct verify_with *with, uint64_t *findings)
{
    struct statement_found found;

    TRY(key_needed(s, with, "a statement"));
    if (with->policy)
        TRY(statement_meets(s, statement, with));
    TRY(statement_check(s, with->key, statement, &found));
    *findings += found.wrong;
    statement_tell(s, path, &found);
    return ERR_OK;
}

/* ---- what is none of them */

/* JSON of the market's that nobody has signed: what it is, and what to take instead. */
static err unsigned_tell(struct scope *s, const json_t *value)
{
    static const struct { const char *member, *what; } answers[] = {
        { "certificate", "the market's answer about a consent or certificate, which nobody signed: keep its member "
                         "`certificate` in a file of its own" },
        { "credential", "the market's answer about a license or clearance, which nobody signed: keep what is signed by "
                        "`counterfoil license LICENSE --out FILE` or `counterfoil clear LICENSE --out FILE`" },
        { "accounts", "a statement without its proofs: keep both by `counterfoil statement --save FILE`" },
        { "from_root", "a proof of consistency, between roots that nobody signed here: `counterfoil audit` asks for it "
                       "and checks it with two checkpoints" },
    };

    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        if (json_object_get(value, answers[i].member))
            return fail(s, ERR_CONFIG, "this is %s", answers[i].what);
    return fail(s, ERR_INVALID, "JSON that nobody signed; wanted is " KINDS);
}

static err json_verify(struct scope *s, const char *path, const json_t *value, const struct verify_with *with,
                       uint64_t *findings)
{
    if (statement_is(value))
        return statement_verify(s, path, value, with, findings);
    if (json_is_object(json_object_get(value, "entry")) &&
        json_object_get(json_object_get(value, "entry"), "body"))
        return receipt_verify(s, path, with);              /* the one half of a receipt */
    if (json_is_object(json_object_get(value, "document")) && json_is_string(json_object_get(value, "proof")))
        return receipt_verify(s, path, with);
    return unsigned_tell(s, value);
}

static bool begins(struct bytes text, const char *with)
{
    return text.len >= strlen(with) && memcmp(text.p, with, strlen(with)) == 0;
}

static bool note_is(struct scope *s, struct bytes text)
{
    struct bytes inner, lines;
    bool yes = note_split(s, (const char *)text.p, text.len, &inner, &lines) == ERR_OK;

    scope_forgive(s);
    return yes;
}

/* Neither JSON nor a text of the log's. */
static err unknown(struct scope *s, struct bytes text, const char *why)
{
    if (text.len == 0)
        return fail(s, ERR_INVALID, "the file is empty; wanted is " KINDS);
    if (*text.p == '{')
        return fail(s, ERR_INVALID, "it begins like JSON but is none that can be signed: %s; it was changed or cut "
                    "off: get it anew", why);
    return fail(s, ERR_INVALID, "none of the files that are known here; wanted is " KINDS);
}

err verify_file(struct scope *s, const char *path, const struct verify_with *with, uint64_t *findings)
{
    struct json_rules rules = { .string_max = RECEIPT_BYTES_MAX, .values_max = MARKET_VALUES_MAX };
    json_t *value = NULL;
    struct bytes text;
    const char *why;
    err e;

    TRY(file_read(s, path, STATEMENT_BYTES_MAX, &text));
    if (begins(text, "c2sp.org/tlog-proof@"))
        return receipt_verify(s, path, with);
    if (credential_is(s, text))
        return credential_verify(s, path, text, with);
    e = json_read_as(s, (const char *)text.p, text.len, rules, &value);
    if (e == ERR_OK) {
        e = json_verify(s, path, value, with, findings);
        json_decref(value);
        return e;
    }
    why = scope_strdup(s, s->why.detail);
    scope_forgive(s);
    return note_is(s, text) ? checkpoint_verify(s, path, text, with) : unknown(s, text, why);
}
