/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/receipt.h"

#include <string.h>

#include "ledger/tree/proof.h"
#include "schema/json/canon.h"

#define RECEIPT_BYTES_MAX (1 << 20)

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

    TRY(json_read(s, (const char *)document.p, document.len, &d));
    e = json_is_object(json_object_get(d, "entry")) ? check(s, key, d, proof, out)
                                                    : fail(s, ERR_INVALID, "not an entry of a Counterfoil log");
    json_decref(d);
    return e;
}

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
