/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/receipt.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "api/client/folder.h"
#include "api/client/say.h"
#include "ledger/keys/sha256.h"
#include "ledger/tree/proof.h"
#include "schema/base/config.h"
#include "schema/json/canon.h"

static const struct json_rules any = { .any_number = true };

/* Beside what is disclosed stands what it means, which nobody has signed: name and value are its own. */
static err meaning_same(struct scope *s, const json_t *d, const char *text)
{
    const json_t *name = json_object_get(d, "name"), *value = json_object_get(d, "value");
    size_t len = strlen(text), n;
    uint8_t *raw = scope_alloc(s, len + 1, 1);
    json_t *parts = NULL;
    bool same;

    if (!base64url_read(text, len, raw, len + 1, &n))
        return fail(s, ERR_INVALID, "a disclosure is not base64url");
    TRY(json_read_as(s, (const char *)raw, n, any, &parts));
    same = (!name || json_equal(name, json_array_get(parts, 1))) &&
           (!value || json_equal(value, json_array_get(parts, 2)));
    json_decref(parts);
    return same ? ERR_OK : fail(s, ERR_CORRUPT, "a disclosure is of another name or value than stands beside it: it "
                                "was changed, get the receipt anew");
}

static err open_disclosures(struct scope *s, const json_t *document, struct entry *entry)
{
    const json_t *list = json_object_get(document, "disclosures"), *d;
    size_t i;

    json_array_foreach(list, i, d) {
        const char *text = json_string_value(json_object_get(d, "disclosure"));
        if (!text)
            return fail(s, ERR_INVALID, "a disclosure is not text");
        TRY(disclosure_open(s, entry, text, strlen(text)));
        TRY(meaning_same(s, d, text));
    }
    return ERR_OK;
}

/* Whoever reads it, reads nothing that isn't checked. */
static err members_known(struct scope *s, const json_t *object, const char *const *names)
{
    const char *name;
    json_t *value;
    size_t i;

    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        for (i = 0; names[i] && strcmp(names[i], name) != 0; i++)
            ;
        if (!names[i])
            return fail(s, ERR_INVALID, "a receipt has no member '%s' that is known here: it was changed, or is of a "
                        "newer program", printable(s, name));
    }
    return ERR_OK;
}

static err form_check(struct scope *s, const json_t *document)
{
    static const char *const names[] = { "index", "leaf", "entry", "disclosures", "erased", NULL };
    static const char *const disclosed[] = { "disclosure", "name", "value", NULL };
    const json_t *list = json_object_get(document, "disclosures"), *d;
    size_t i;

    TRY(members_known(s, document, names));
    if (list && !json_is_array(list))
        return fail(s, ERR_INVALID, "the disclosures are no list");
    json_array_foreach(list, i, d)
        TRY(members_known(s, d, disclosed));
    return ERR_OK;
}

err receipt_checkpoint(struct scope *s, const struct note_key *key, struct bytes note, struct checkpoint *out)
{
    const char *why, *found;

    if (checkpoint_open(s, (const char *)note.p, note.len, key, out) == ERR_OK)
        return ERR_OK;
    why = scope_strdup(s, s->why.detail);
    found = scope_strndup(s, (const char *)note.p, strcspn((const char *)note.p, "\n"));
    scope_forgive(s);
    return fail(s, ERR_INVALID, "%s: wanted is a checkpoint that %s has signed, found one of %s: give the verifier key "
                "of its own log, or get it anew", why, key->name, printable(s, found));
}

static err check(struct scope *s, const struct note_key *key, const json_t *document, struct bytes proof,
                 struct receipt *out)
{
    struct tlog_proof p;
    struct bytes bytes;
    struct hash leaf;

    TRY(form_check(s, document));
    TRY(canon(s, json_object_get(document, "entry"), &bytes));
    TRY(entry_decode(s, bytes.p, bytes.len, &out->entry));
    TRY(open_disclosures(s, document, &out->entry));
    if (!tlog_proof_parse((const char *)proof.p, proof.len, &p))
        return fail(s, ERR_INVALID, "not a C2SP tlog-proof of version 1, whole: get the receipt anew");
    TRY(receipt_checkpoint(s, key, p.note, &out->checkpoint));
    leaf = leaf_hash(bytes.p, bytes.len);
    if (!proof_check_inclusion(p.index, out->checkpoint.size, &leaf, &out->checkpoint.root, &p.proof))
        return fail(s, ERR_INVALID, "the proof does not lead from this entry to the signed root: "
                    "the entry was changed, or it is another entry's proof: get the receipt anew");
    if (json_integer_value(json_object_get(document, "index")) != (json_int_t)p.index)
        return fail(s, ERR_INVALID, "entry and proof are of different places");
    out->index = p.index;
    hex_write(leaf.b, HASH_SIZE, out->hash);
    if (json_object_get(document, "leaf") && strcmp(json_text_or(document, "leaf", ""), out->hash) != 0)
        return fail(s, ERR_INVALID, "the leaf is not this entry's hash: it was changed, get the receipt anew");
    return ERR_OK;
}

err receipt_check(struct scope *s, const struct note_key *key, struct bytes document, struct bytes proof,
                  struct receipt *out)
{
    json_t *d = NULL;
    err e;

    TRY(json_read_as(s, (const char *)document.p, document.len, any, &d));
    e = json_is_object(json_object_get(d, "entry")) ? check(s, key, d, proof, out)
                                                    : fail(s, ERR_INVALID, "not an entry of a Counterfoil log");
    json_decref(d);
    return e;
}

/* ---- what an entry bears out */

/* A field as text; NULL: not in the entry, or not disclosed. */
static const char *shown(struct scope *s, const struct receipt *r, const char *name)
{
    const struct entry_value *v = entry_field(&r->entry, name);

    switch (v->kind) {
    case V_TEXT:
        return v->v.text;
    case V_HASH:
        return hash_hex(s, v->v.hash);
    case V_COUNT:
        return scope_printf(s, "%llu", (unsigned long long)v->v.count);
    default:
        return NULL;
    }
}

err receipt_says(struct scope *s, const struct receipt *r, const char *name, const char *said)
{
    const char *entered = shown(s, r, name);

    if (entered && strcmp(entered, said) == 0)
        return ERR_OK;
    return fail(s, ERR_CORRUPT, "entry %llu %s%s, not %s '%s'", (unsigned long long)r->index,
                entered ? "says " : "doesn't disclose its ", entered ? entered : name, name, said);
}

static err is_type(struct scope *s, const struct receipt *r, enum entry_type type)
{
    return r->entry.spec->type == type ? ERR_OK
         : fail(s, ERR_CORRUPT, "entry %llu is of type %s, not %s", (unsigned long long)r->index, r->entry.spec->name,
                entry_spec(type)->name);
}

static const char *member_text(struct scope *s, const json_t *object, const char *name)
{
    const json_t *v = json_object_get(object, name);

    return json_is_integer(v) ? scope_printf(s, "%lld", (long long)json_integer_value(v))
         : json_is_string(v)  ? json_string_value(v) : "";
}

/* What was paid is disclosed to the parties; whoever got the entry without it can't check that. */
static err same_price(struct scope *s, const struct receipt *r, const json_t *price)
{
    if (!shown(s, r, "amount"))
        return ERR_OK;
    TRY(receipt_says(s, r, "amount", member_text(s, price, "amount")));
    return receipt_says(s, r, "currency", member_text(s, price, "currency"));
}

err receipt_of_license(struct scope *s, const struct receipt *r, const json_t *license)
{
    static const struct { const char *field, *member; } pairs[] = {
        { "license", "id" }, { "document", "document_sha256" }, { "from", "from" }, { "item_count", "item_count" },
        { "offer", "offer" }, { "payment", "payment" }, { "purpose", "purpose" }, { "revision", "revision" },
        { "slice_root", "slice_root" }, { "territory", "territory" }, { "until", "until" }, { "version", "version_id" },
    };
    const json_t *document = json_object_get(license, "document");
    struct bytes text;
    struct hash h;

    TRY(is_type(s, r, ENTRY_LICENSE_GRANTED));
    if (!json_is_object(document))
        return fail(s, ERR_CORRUPT, "the license comes without its document");
    TRY(canon(s, document, &text));
    h = sha256_of(text.p, text.len);
    TRY(receipt_says(s, r, "document", hash_hex(s, &h)));
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        TRY(receipt_says(s, r, pairs[i].field, member_text(s, license, pairs[i].member)));
    return same_price(s, r, json_object_get(license, "price"));
}

err receipt_of_access(struct scope *s, const struct receipt *r, const struct delivered *d)
{
    TRY(is_type(s, r, ENTRY_ACCESS_RECORDED));
    if (r->index != d->index)
        return fail(s, ERR_CORRUPT, "the receipt of entry %llu is of another one", (unsigned long long)d->index);
    TRY(receipt_says(s, r, "license", d->license));
    TRY(receipt_says(s, r, "item_hash", hash_hex(s, &d->sha256)));
    TRY(receipt_says(s, r, "item_number", scope_printf(s, "%lld", (long long)d->n)));
    return receipt_says(s, r, "bytes", scope_printf(s, "%lld", (long long)d->size));
}

/* ---- fetching */

static err fetch_text(struct scope *s, struct market *m, const char *path, struct bytes *out)
{
    struct fetch_request rq = { .method = FETCH_GET, .answer_max = RECEIPT_BYTES_MAX };
    struct fetch_answer a;

    TRY(market_run(s, m, path, &rq, true, &a));
    *out = a.body;
    return ERR_OK;
}

err receipt_fetch(struct scope *s, struct market *m, uint64_t index, struct bytes *document, struct bytes *proof)
{
    TRY(fetch_text(s, m, scope_printf(s, "/v1/entries/%llu", (unsigned long long)index), document));
    return fetch_text(s, m, scope_printf(s, "/v1/entries/%llu/proof", (unsigned long long)index), proof);
}

/* "N" of "N.json" or "N.tlog-proof"; NULL: the file can't be a half. */
static const char *base_of(struct scope *s, const char *path)
{
    static const char *const ends[] = { ".tlog-proof", ".json" };
    size_t len = strlen(path);

    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (len > strlen(ends[i]) && strcmp(path + len - strlen(ends[i]), ends[i]) == 0)
            return scope_strndup(s, path, len - strlen(ends[i]));
    return NULL;
}

/* One of two files that are a receipt only together. */
static err half_read(struct scope *s, const char *path, const char *base, const char *end, struct bytes *out)
{
    const char *half = scope_printf(s, "%s.%s", base, end);

    if (access(half, F_OK) != 0)
        return fail(s, ERR_CONFIG, "%s alone proves nothing: a receipt is an entry and its tlog-proof, and %s isn't "
                    "there: put both side by side, as N.json and N.tlog-proof, or get one file by `counterfoil receipt "
                    "N --out FILE`", printable(s, path), printable(s, half));
    return file_read(s, half, RECEIPT_BYTES_MAX, out);
}

err receipt_read(struct scope *s, const char *path, const struct note_key *key, struct bytes *proof,
                 struct receipt *out)
{
    const char *base = base_of(s, path), *why;
    struct receipt_parts parts;
    struct bytes document;

    TRY(file_read(s, path, 4 * RECEIPT_BYTES_MAX, &document));
    if (receipt_parts_read(s, (const char *)document.p, document.len, &parts) == ERR_OK) {
        *proof = parts.proof;
        return receipt_check(s, key, parts.document, parts.proof, out);
    }
    why = scope_strdup(s, s->why.detail);
    scope_forgive(s);
    if (!base)
        return fail(s, ERR_INVALID, "%s (a receipt in two files has them named N.json and N.tlog-proof, side by side)",
                    why);
    TRY(half_read(s, path, base, "json", &document));
    TRY(half_read(s, path, base, "tlog-proof", proof));
    return receipt_check(s, key, document, *proof, out);
}

err receipt_text(struct scope *s, struct market *m, uint64_t index, struct bytes *out)
{
    struct bytes document, proof;

    TRY(receipt_fetch(s, m, index, &document, &proof));
    return receipt_parts_text(s, document, proof, out);
}

err log_key_fetch(struct scope *s, struct market *m, struct note_key *out, const char **vkey)
{
    json_t *answer = NULL;
    const char *text;
    err e;

    TRY(market_get(s, m, "/v1/log/key", &answer));
    e = json_text(s, answer, "log_key", &text);
    if (e == ERR_OK)
        *vkey = scope_strdup(s, text);
    json_decref(answer);
    TRY(e);
    return note_key_parse(*vkey, out) ? ERR_OK : fail(s, ERR_CORRUPT, "the market's log key is not a verifier key");
}

err policy_file_read(struct scope *s, const char *path, struct policy **out)
{
    struct bytes text;

    *out = NEW(s, struct policy);
    TRY(config_file(s, path, POLICY_BYTES_MAX, &text));
    if (policy_parse(s, (const char *)text.p, text.len, *out) == ERR_OK)
        return ERR_OK;
    s->why.code = ERR_CONFIG;         /* the reader's own file, not what is read by it */
    return ERR_CONFIG;
}

err receipt_meets(struct scope *s, const struct policy *policy, const struct note_key *key, struct bytes proof)
{
    struct policy_verdict *v = NEW(s, struct policy_verdict);
    struct tlog_proof p;

    if (!tlog_proof_parse((const char *)proof.p, proof.len, &p))
        return fail(s, ERR_INVALID, "not a tlog-proof");
    TRY(policy_judge(s, policy, key, (const char *)p.note.p, p.note.len, v));
    if (!v->met)
        return fail(s, ERR_CORRUPT, "below the policy: %s (a receipt can be fetched again, cosigned)", v->missing);
    return ERR_OK;
}
