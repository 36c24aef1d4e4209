/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/credential.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger/cert/envelope.h"
#include "ledger/entry/entry.h"
#include "schema/base/clock.h"
#include "schema/json/canon.h"

static const char *const purposes[STATUS_PURPOSES] = { "revocation", "suspension" };
const struct code_list status_purpose_codes = { purposes, ARRAY_LEN(purposes) };

err document_read(struct scope *s, const char *text, size_t len, json_t **out, enum refusal *why)
{
    *why = REFUSAL_MALFORMED;
    TRY(json_read_as(s, text, len, (struct json_rules){ .string_max = STATUS_TEXT_MAX, .any_number = true }, out));
    *why = REFUSAL_NONE;
    return ERR_OK;
}

enum refusal credential_when(const struct credential *c, int64_t from, int64_t until)
{
    if (from < c->valid_from)
        return REFUSAL_NOT_YET_VALID;
    return until > c->valid_until || from >= c->valid_until ? REFUSAL_EXPIRED : REFUSAL_NONE;
}

char *credential_uuid(struct scope *s, const uint8_t random[16])
{
    char hex[HEX_SIZE(16)];
    uint8_t b[16];

    memcpy(b, random, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);            /* RFC 9562, section 5.4 */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    hex_write(b, sizeof b, hex);
    return scope_printf(s, "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

/* ---- reading ---- */

static err context_read(const struct part *whole, const struct envelope_kind *kind)
{
    static const char *const own[] = { CREDENTIAL_CONTEXT, OWN_CONTEXT };
    struct part p = part_member(whole, "@context");
    size_t n = json_array_size(p.value), wanted = kind->foreign || kind->bare ? 1 : ARRAY_LEN(own);

    if (!json_is_array(p.value) || n < wanted || n > (kind->foreign ? CREDENTIAL_CONTEXTS_MAX : wanted))
        return part_refuse(&p, REFUSAL_CONTEXT_UNKNOWN, NULL);
    for (size_t i = 0; i < wanted; i++) {
        struct part e = part_element(&p, i);
        TRY(part_is(&e, REFUSAL_CONTEXT_UNKNOWN, own[i]));
    }
    return ERR_OK;
}

static err type_read(const struct part *whole, const struct envelope_kind *kind)
{
    struct part p = part_member(whole, "type");
    size_t n = json_array_size(p.value);
    bool vc = false, own = false;

    if (!json_is_array(p.value) || n > CREDENTIAL_CONTEXTS_MAX || (!kind->foreign && n != 2))
        return part_refuse(&p, REFUSAL_TYPE_UNKNOWN, NULL);
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(p.value, i));
        vc = vc || (name && strcmp(name, CREDENTIAL_TYPE) == 0);
        own = own || (name && strcmp(name, kind->type) == 0);
    }
    if (!vc || !own)
        return part_refuse(&p, REFUSAL_TYPE_UNKNOWN, scope_printf(p.s, CREDENTIAL_TYPE " and %s", kind->type));
    return ERR_OK;
}

/* The issuer, and the proof that is hers. */
static err issuer_read(const struct part *whole, const struct envelope_kind *kind, const struct integrities *proofs,
                       struct credential *out)
{
    struct part p = part_member(whole, "issuer"), id = p;
    size_t i = 0;

    if (kind->foreign && json_is_object(p.value))
        id = part_member(&p, "id");
    TRY(part_did(&id, &out->issuer_key));
    did_key(&out->issuer_key, out->issuer);
    while (i < proofs->n && strcmp(proofs->proof[i].did, out->issuer) != 0)
        i++;
    if (i == proofs->n)
        return part_refuse(&id, REFUSAL_SIGNER_OTHER, NULL);
    out->signed_at = proofs->proof[i].created;
    return ERR_OK;
}

static err validity_read(const struct part *whole, const struct envelope_kind *kind, struct credential *out)
{
    struct part from = part_member(whole, "validFrom"), until = part_member(whole, "validUntil");

    out->valid_from = 0;
    out->valid_until = TIME_NEVER;
    if (from.value || !kind->foreign)
        TRY(part_time(&from, &out->valid_from));
    if (until.value || kind->ends)
        TRY(part_time(&until, &out->valid_until));
    if (out->valid_from >= out->valid_until)
        return part_refuse(&until, REFUSAL_VALIDITY_INVALID, NULL);
    return ERR_OK;
}

/* The index is a decimal in a string, since the standard says so. */
static err index_read(const struct part *p, uint64_t *out)
{
    const char *text = json_string_value(p->value);

    if (!text || !decimal_read(text, strlen(text), STATUS_BITS_MAX - 1, out))
        return part_refuse(p, REFUSAL_VALUE_INVALID, "a place in a list, in decimal, as a string");
    return ERR_OK;
}

static err status_entry_read(const struct part *p, struct status_entry *out)
{
    static const char *const names[] = { "?id", "type", "statusPurpose", "statusListIndex", "statusListCredential",
                                         "?statusSize", NULL };
    struct part type = part_member(p, "type"), purpose = part_member(p, "statusPurpose"), id = part_member(p, "id");
    struct part index = part_member(p, "statusListIndex"), list = part_member(p, "statusListCredential");
    struct part size = part_member(p, "statusSize");
    uint64_t one;
    int which;

    TRY(part_object(p, names));
    TRY(part_is(&type, REFUSAL_STATUS_UNKNOWN, "BitstringStatusListEntry"));
    TRY(part_code(&purpose, &status_purpose_codes, REFUSAL_STATUS_UNKNOWN, &which));
    TRY(index_read(&index, &out->index));
    TRY(part_url(&list, &out->list));
    out->purpose = (enum status_purpose)which;
    if (size.value)
        TRY(part_count(&size, 1, 1, &one));
    if (id.value && (!json_is_string(id.value) || strcmp(json_string_value(id.value), out->list) == 0))
        return part_refuse(&id, REFUSAL_STATUS_UNKNOWN, "its id must not be the list's");
    return ERR_OK;
}

static err status_read(const struct part *whole, struct credential *out)
{
    struct part p = part_member(whole, "credentialStatus");
    bool one = json_is_object(p.value);
    size_t n = 1;

    out->n_status = 0;
    if (!p.value)
        return ERR_OK;
    if (!one)
        TRY(part_array(&p, 1, STATUS_PURPOSES, &n));
    for (size_t i = 0; i < n; i++) {
        struct part e = one ? p : part_element(&p, i);
        struct status_entry *entry = &out->status[i];
        TRY(status_entry_read(&e, entry));
        for (size_t j = 0; j < i; j++)
            if (out->status[j].purpose == entry->purpose)
                return part_refuse(&e, REFUSAL_STATUS_UNKNOWN, "one list for each purpose");
        out->n_status++;
    }
    return ERR_OK;
}

err envelope_read(const struct part *whole, const struct envelope_kind *kind, struct credential *out)
{
    static const char *const plain[] = { "@context", "id", "type", "issuer", "validFrom", "?validUntil",
                                         "credentialSubject", "?credentialStatus", "proof", NULL };
    static const char *const proved[] = { "@context", "id", "type", "issuer", "validFrom", "?validUntil",
                                          "credentialSubject", "?credentialStatus", "?evidence", "proof", NULL };
    struct part id = part_member(whole, "id");
    struct integrities proofs;

    *out = (struct credential){ 0 };
    TRY(integrity_verify(whole->s, whole->value, &proofs, whole->why));
    TRY(context_read(whole, kind));
    TRY(type_read(whole, kind));
    if (!kind->foreign)
        TRY(part_object(whole, kind->evidence ? proved : plain));
    TRY(issuer_read(whole, kind, &proofs, out));
    TRY(part_url(&id, &out->id));
    TRY(validity_read(whole, kind, out));
    if (!kind->foreign)
        TRY(status_read(whole, out));
    if (document_digest(whole->s, whole->value, true, &out->document) != ERR_OK ||
        document_digest(whole->s, whole->value, false, &out->bare) != ERR_OK) {
        *whole->why = REFUSAL_MALFORMED;           /* nested too deep: nothing that was read from bytes */
        return ERR_INVALID;
    }
    return ERR_OK;
}

/* ---- writing ---- */

json_t *time_json(int64_t wall_ms)
{
    char text[TIME_TEXT_SIZE];

    time_format(wall_ms, text);
    return json_string(text);
}

json_t *hash_json(const struct hash *h)
{
    char hex[HEX_SIZE(HASH_SIZE)];

    hex_write(h->b, HASH_SIZE, hex);
    return json_string(hex);
}

json_t *salt_json(const uint8_t salt[16])
{
    char text[BASE64_SIZE(SALT_SIZE)];

    base64url_write(salt, SALT_SIZE, text);
    return json_string(text);
}

json_t *codes_json(const struct code_list *list, uint32_t mask)
{
    json_t *codes = json_array();

    for (size_t i = 0; i < list->n; i++)
        if (mask >> i & 1)
            json_array_append_new(codes, json_string(list->code[i]));
    return codes;
}

static json_t *status_json(const struct credential *c)
{
    json_t *list = json_array();
    char index[24];

    for (size_t i = 0; i < c->n_status; i++) {
        snprintf(index, sizeof index, "%" PRIu64, c->status[i].index);
        json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s}", "type", "BitstringStatusListEntry", "statusPurpose",
                                              purposes[c->status[i].purpose], "statusListIndex", index,
                                              "statusListCredential", c->status[i].list));
    }
    return list;
}

json_t *envelope_json(const struct envelope_kind *kind, const struct credential *c, const char *issuer,
                      json_t *subject, json_t *evidence)
{
    return json_pack("{s:[s,s],s:s,s:[s,s],s:s,s:o,s:o*,s:o*,s:o*,s:o}", "@context", CREDENTIAL_CONTEXT, OWN_CONTEXT,
                     "id", c->id, "type", CREDENTIAL_TYPE, kind->type, "issuer", issuer, "validFrom",
                     time_json(c->valid_from), "validUntil",
                     c->valid_until == TIME_NEVER ? NULL : time_json(c->valid_until), "credentialStatus",
                     c->n_status ? status_json(c) : NULL, "evidence", evidence, "credentialSubject", subject);
}
