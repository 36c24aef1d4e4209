/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/receipt.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "api/client/folder.h"
#include "ledger/keys/sha256.h"
#include "ledger/tree/proof.h"
#include "schema/base/config.h"
#include "schema/json/canon.h"

static err open_disclosures(struct scope *s, const json_t *document, struct entry *entry)
{
    const json_t *list = json_object_get(document, "disclosures"), *d;
    size_t i;

    json_array_foreach(list, i, d) {
        const char *text = json_string_value(json_object_get(d, "disclosure"));
        if (!text)
            return fail(s, ERR_INVALID, "a disclosure is not text");
        TRY(disclosure_open(s, entry, text, strlen(text)));
    }
    return ERR_OK;
}

static err check(struct scope *s, const struct note_key *key, const json_t *document, struct bytes proof,
                 struct receipt *out)
{
    struct tlog_proof p;
    struct bytes bytes;
    struct hash leaf;

    TRY(canon(s, json_object_get(document, "entry"), &bytes));
    TRY(entry_decode(s, bytes.p, bytes.len, &out->entry));
    TRY(open_disclosures(s, document, &out->entry));
    if (!tlog_proof_parse((const char *)proof.p, proof.len, &p))
        return fail(s, ERR_INVALID, "not a tlog-proof");
    TRY(checkpoint_open(s, (const char *)p.note.p, p.note.len, key, &out->checkpoint));
    leaf = leaf_hash(bytes.p, bytes.len);
    if (!proof_check_inclusion(p.index, out->checkpoint.size, &leaf, &out->checkpoint.root, &p.proof))
        return fail(s, ERR_INVALID, "the proof does not lead from this entry to the signed root");
    if (json_integer_value(json_object_get(document, "index")) != (json_int_t)p.index)
        return fail(s, ERR_INVALID, "entry and proof are of different places");
    out->index = p.index;
    hex_write(leaf.b, HASH_SIZE, out->hash);
    return ERR_OK;
}

err receipt_check(struct scope *s, const struct note_key *key, struct bytes document, struct bytes proof,
                  struct receipt *out)
{
    json_t *d = NULL;
    err e;

    TRY(json_read_as(s, (const char *)document.p, document.len, (struct json_rules){ .any_number = true }, &d));
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

static err same(struct scope *s, const struct receipt *r, const char *name, const char *said)
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
    TRY(same(s, r, "amount", member_text(s, price, "amount")));
    return same(s, r, "currency", member_text(s, price, "currency"));
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
    TRY(same(s, r, "document", hash_hex(s, &h)));
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        TRY(same(s, r, pairs[i].field, member_text(s, license, pairs[i].member)));
    return same_price(s, r, json_object_get(license, "price"));
}

err receipt_of_clearance(struct scope *s, const struct receipt *r, const char *clearance, const json_t *credential)
{
    json_t *bare = json_copy((json_t *)(uintptr_t)credential);         /* the copy is changed, not its members */
    struct bytes text;
    struct hash h;
    err e;

    json_object_del(bare, "proof");
    e = canon(s, bare, &text);
    json_decref(bare);
    TRY(e);
    if (r->entry.spec->type != ENTRY_CLEARANCE_DENIED)
        TRY(is_type(s, r, ENTRY_CLEARANCE_ISSUED));
    h = sha256_of(text.p, text.len);
    TRY(same(s, r, "clearance", clearance));
    return same(s, r, "document", hash_hex(s, &h));
}

err receipt_of_access(struct scope *s, const struct receipt *r, const struct delivered *d)
{
    TRY(is_type(s, r, ENTRY_ACCESS_RECORDED));
    if (r->index != d->index)
        return fail(s, ERR_CORRUPT, "the receipt of entry %llu is of another one", (unsigned long long)d->index);
    TRY(same(s, r, "license", d->license));
    TRY(same(s, r, "item_hash", hash_hex(s, &d->sha256)));
    TRY(same(s, r, "item_number", scope_printf(s, "%lld", (long long)d->n)));
    return same(s, r, "bytes", scope_printf(s, "%lld", (long long)d->size));
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

err receipt_read(struct scope *s, const char *path, const struct note_key *key, struct bytes *proof,
                 struct receipt *out)
{
    static const char *const ends[] = { ".tlog-proof", ".json" };
    size_t len = strlen(path);
    struct bytes document;

    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (len > strlen(ends[i]) && strcmp(path + len - strlen(ends[i]), ends[i]) == 0)
            len -= strlen(ends[i]);
    if (access(path, F_OK) != 0)
        return fail(s, ERR_CONFIG, "%s: %s", path, strerror(errno));
    TRY(file_read(s, scope_printf(s, "%.*s.json", (int)len, path), RECEIPT_BYTES_MAX, &document));
    TRY(file_read(s, scope_printf(s, "%.*s.tlog-proof", (int)len, path), RECEIPT_BYTES_MAX, proof));
    return receipt_check(s, key, document, *proof, out);
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
