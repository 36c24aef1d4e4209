/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/sourcing.h"

#include <string.h>

#include "ledger/cert/envelope.h"
#include "ledger/entry/entry.h"

static const struct envelope_kind kind = { .type = SOURCING_TYPE, .ends = true };

static const char *const criteria[CRITERIA] = { "due_diligence", "licensed_or_owned_or_free",
                                                "synthetic_generators_cleared", "training_records" };
const struct code_list criterion_codes = { criteria, ARRAY_LEN(criteria) };

static err version_read(const struct part *subject, struct sourcing *out)
{
    struct part id = part_member(subject, "id"), dataset = part_member(subject, "dataset");
    struct part number = part_member(subject, "version"), root = part_member(subject, "version_root");
    struct part count = part_member(subject, "item_count");

    TRY(part_id(&id, VERSION_SUBJECT, "ver", &out->version_id));
    TRY(part_text(&dataset, &out->dataset));
    TRY(part_count(&number, 1, ENTRY_COUNT_MAX, &out->version));
    TRY(part_hash(&root, &out->version_root));
    return part_count(&count, 1, VERSION_ITEMS_MAX, &out->item_count);
}

static err criterion_read(const struct part *p, struct sourcing *out)
{
    static const char *const names[] = { "criterion", "evidence_sha256", NULL };
    struct part code = part_member(p, "criterion"), digest = part_member(p, "evidence_sha256");
    int which;

    TRY(part_object(p, names));
    TRY(part_code(&code, &criterion_codes, REFUSAL_CRITERION_UNKNOWN, &which));
    if (out->criteria >> which & 1)
        return part_refuse(&code, REFUSAL_VALUE_INVALID, "it is there twice");
    out->criteria |= UINT32_C(1) << which;
    return part_hash(&digest, &out->evidence[which]);
}

err sourcing_read(struct scope *s, const json_t *document, struct sourcing *out, enum refusal *why)
{
    static const char *const names[] = { "id", "dataset", "version", "version_root", "item_count", "scheme",
                                         "criteria", "salt", NULL };
    struct part whole = part_whole(s, why, document), subject = part_member(&whole, "credentialSubject");
    struct part scheme = part_member(&subject, "scheme"), list = part_member(&subject, "criteria");
    struct part salt = part_member(&subject, "salt");
    size_t n;

    *out = (struct sourcing){ 0 };
    TRY(envelope_read(&whole, &kind, &out->c));
    TRY(part_object(&subject, names));
    TRY(version_read(&subject, out));
    TRY(part_text(&scheme, &out->scheme));
    TRY(part_array(&list, 1, CRITERIA, &n));
    for (size_t i = 0; i < n; i++) {
        struct part e = part_element(&list, i);
        TRY(criterion_read(&e, out));
    }
    return part_salt(&salt, out->salt);
}

static json_t *subject_json(struct scope *s, const struct sourcing *w)
{
    json_t *met = json_array();

    for (size_t i = 0; i < CRITERIA; i++)
        if (w->criteria >> i & 1)
            json_array_append_new(met, json_pack("{s:s,s:o}", "criterion", criteria[i], "evidence_sha256",
                                                 hash_json(&w->evidence[i])));
    return json_pack("{s:s,s:s,s:I,s:o,s:I,s:s,s:o,s:o}", "id", scope_printf(s, VERSION_SUBJECT "%s", w->version_id),
                     "dataset", w->dataset, "version", (json_int_t)w->version, "version_root",
                     hash_json(&w->version_root), "item_count", (json_int_t)w->item_count, "scheme", w->scheme,
                     "criteria", met, "salt", salt_json(w->salt));
}

err sourcing_sign(struct scope *s, const struct sourcing *wish, const struct secret_key *key, int64_t created_ms,
                  json_t **out, enum refusal *why)
{
    struct public_key public = secret_key_public(key);
    char issuer[DID_KEY_SIZE];
    struct sourcing again;
    json_t *document;
    err e;

    did_key(&public, issuer);
    *why = REFUSAL_MALFORMED;
    document = envelope_json(&kind, &wish->c, issuer, subject_json(s, wish), NULL);
    if (!document)
        return fail(s, ERR_INVALID, "a certificate could not be built of these texts");
    e = integrity_sign(s, document, key, created_ms, out);
    json_decref(document);
    TRY(e);
    e = sourcing_read(s, *out, &again, why);
    if (e != ERR_OK)
        json_decref(*out);
    return e;
}
