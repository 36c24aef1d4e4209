/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/integrity.h"

#include <string.h>

#include "ledger/cert/part.h"
#include "ledger/keys/base58.h"
#include "ledger/keys/sha256.h"
#include "schema/base/clock.h"
#include "schema/json/canon.h"

#define PROOF_TYPE    "DataIntegrityProof"
#define PROOF_SUITE   "eddsa-jcs-2022"
#define PROOF_PURPOSE "assertionMethod"

static err canon_digest(struct scope *s, const json_t *value, struct hash *out)
{
    struct bytes text;

    TRY(canon(s, value, &text));
    *out = sha256_of(text.p, text.len);
    return ERR_OK;
}

err integrity_data(struct scope *s, const json_t *config, const json_t *document, uint8_t out[INTEGRITY_DATA_SIZE])
{
    struct hash proof, rest;

    TRY(canon_digest(s, config, &proof));
    TRY(canon_digest(s, document, &rest));
    memcpy(out, proof.b, HASH_SIZE);
    memcpy(out + HASH_SIZE, rest.b, HASH_SIZE);
    return ERR_OK;
}

/* A copy of an object without one of its members; the others are shared. New reference. */
static json_t *without(const json_t *object, const char *member)
{
    json_t *copy = json_copy((json_t *)object);      /* it takes its argument writable, and doesn't write */

    json_object_del(copy, member);
    return copy;
}

err document_digest(struct scope *s, const json_t *document, bool with_proof, struct hash *out)
{
    json_t *bare;
    err e;

    if (with_proof)
        return canon_digest(s, document, out);
    bare = without(document, "proof");
    e = canon_digest(s, bare, out);
    json_decref(bare);
    return e;
}

/* ---- signing ---- */

err integrity_begin(struct scope *s, const json_t *document, const struct public_key *key, int64_t created_ms,
                    json_t **config, uint8_t data[INTEGRITY_DATA_SIZE])
{
    json_t *context = json_object_get(document, "@context");
    char created[TIME_TEXT_SIZE], method[DID_METHOD_SIZE];
    err e;

    if (!json_is_object(document) || !context)
        return fail(s, ERR_INVALID, "a document without @context is not signed");
    if (json_object_get(document, "proof"))
        return fail(s, ERR_INVALID, "the document has a proof already");
    time_format(created_ms, created);
    did_key_method(key, method);
    *config = json_pack("{s:o,s:s,s:s,s:s,s:s,s:s}", "@context", json_deep_copy(context), "created", created,
                        "cryptosuite", PROOF_SUITE, "proofPurpose", PROOF_PURPOSE, "type", PROOF_TYPE,
                        "verificationMethod", method);
    if (!*config)
        return fail(s, ERR_INTERNAL, "a proof could not be built");
    e = integrity_data(s, *config, document, data);
    if (e != ERR_OK)
        json_decref(*config);
    return e;
}

err integrity_end(struct scope *s, const json_t *document, const json_t *config, const struct signature *signature,
                  json_t **out)
{
    char value[1 + BASE58_SIZE(ED25519_SIG)] = "z";
    json_t *proof = json_deep_copy(config);
    struct integrities all;
    enum refusal why;
    err e;

    base58_write(signature->b, ED25519_SIG, value + 1);
    *out = json_deep_copy(document);
    if (!*out || json_object_set_new(proof, "proofValue", json_string(value)) != 0 ||
        json_object_set_new(*out, "proof", proof) != 0)
        e = fail(s, ERR_INTERNAL, "a proof could not be built");
    else
        e = integrity_verify(s, *out, &all, &why);
    if (e != ERR_OK)
        json_decref(*out);
    return e;
}

err integrity_sign(struct scope *s, const json_t *document, const struct secret_key *key, int64_t created_ms,
                   json_t **out)
{
    struct public_key public = secret_key_public(key);
    uint8_t data[INTEGRITY_DATA_SIZE];
    struct signature signature;
    json_t *config;
    err e;

    TRY(integrity_begin(s, document, &public, created_ms, &config, data));
    signature = key_sign(key, data, sizeof data);
    e = integrity_end(s, document, config, &signature, out);
    json_decref(config);
    return e;
}

/* ---- verifying ---- */

/* The elements of a context, which may be a single one without its array. */
static size_t context_count(const json_t *context)
{
    return json_is_array(context) ? json_array_size(context) : 1;
}

static const json_t *context_at(const json_t *context, size_t i)
{
    return json_is_array(context) ? json_array_get(context, i) : context;
}

/* Whether a document's context begins with all of a proof's, in order. */
static bool context_begins(const json_t *document, const json_t *proof)
{
    if (!document || context_count(proof) > context_count(document))
        return false;
    for (size_t i = 0; i < context_count(proof); i++)
        if (!json_equal(context_at(document, i), context_at(proof, i)))
            return false;
    return true;
}

static err proof_read(const struct part *p, struct integrity *out)
{
    static const char *const names[] = { "?@context", "created", "cryptosuite", "proofPurpose", "proofValue", "type",
                                         "verificationMethod", NULL };
    struct part created = part_member(p, "created"), method = part_member(p, "verificationMethod");
    struct part value = part_member(p, "proofValue"), type = part_member(p, "type");
    struct part suite = part_member(p, "cryptosuite"), purpose = part_member(p, "proofPurpose");
    const char *text = json_string_value(value.value);

    TRY(part_object(p, names));
    TRY(part_is(&type, REFUSAL_PROOF_INVALID, PROOF_TYPE));
    TRY(part_is(&suite, REFUSAL_PROOF_INVALID, PROOF_SUITE));
    TRY(part_is(&purpose, REFUSAL_PROOF_INVALID, PROOF_PURPOSE));
    TRY(part_time(&created, &out->created));
    if (!json_is_string(method.value) || !did_key_method_parse(json_string_value(method.value), &out->key))
        return part_refuse(&method, REFUSAL_PROOF_INVALID, "the method must be a did:key of Ed25519, and its fragment");
    did_key(&out->key, out->did);
    if (!text || *text != 'z' ||
        !base58_read(text + 1, json_string_length(value.value) - 1, out->signature.b, ED25519_SIG))
        return part_refuse(&value, REFUSAL_PROOF_INVALID, "the value must be 64 bytes in base58btc, after a z");
    return ERR_OK;
}

/* The document as it was signed, without its proof and with the proof's contexts, against the signature. */
static err signature_check(const struct part *p, const struct integrity *i, const json_t *config, json_t *document)
{
    json_t *context = json_object_get(config, "@context");
    uint8_t data[INTEGRITY_DATA_SIZE];

    if (context) {
        struct part at = part_member(p, "@context");
        if (!context_begins(json_object_get(document, "@context"), context))
            return part_refuse(&at, REFUSAL_CONTEXT_UNKNOWN, "the document's must begin with the proof's");
        json_object_set(document, "@context", context);
    }
    if (integrity_data(p->s, config, document, data) != ERR_OK) {
        *p->why = REFUSAL_MALFORMED;
        return ERR_INVALID;
    }
    if (!key_verify(&i->key, data, sizeof data, &i->signature))
        return part_refuse(p, REFUSAL_SIGNATURE_INVALID, NULL);
    return ERR_OK;
}

static err proof_verify(const struct part *p, const json_t *document, struct integrity *out)
{
    json_t *config, *bare;
    err e;

    TRY(proof_read(p, out));
    config = without(p->value, "proofValue");
    bare = without(document, "proof");
    e = signature_check(p, out, config, bare);
    json_decref(config);
    json_decref(bare);
    return e;
}

err integrity_verify(struct scope *s, const json_t *document, struct integrities *out, enum refusal *why)
{
    struct part whole = part_whole(s, why, document), proof = part_member(&whole, "proof");

    *out = (struct integrities){ .n = 1 };
    if (!proof.value)
        return part_refuse(&proof, REFUSAL_PROOF_MISSING, NULL);
    if (!json_is_array(proof.value))
        return proof_verify(&proof, document, &out->proof[0]);
    TRY(part_array(&proof, 1, INTEGRITY_PROOFS_MAX, &out->n));
    for (size_t i = 0; i < out->n; i++) {
        struct part one = part_element(&proof, i);
        TRY(proof_verify(&one, document, &out->proof[i]));
    }
    return ERR_OK;
}
