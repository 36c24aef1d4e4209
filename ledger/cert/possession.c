/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/possession.h"

#include <string.h>

#include "ledger/cert/envelope.h"
#include "schema/base/id.h"

#define PARTY_URN "urn:counterfoil:party:"

static const struct envelope_kind kind = { .type = POSSESSION_TYPE };

err possession_read(struct scope *s, const json_t *document, struct possession *out, enum refusal *why)
{
    static const char *const names[] = { "id", "log", "salt", NULL };
    struct part whole = part_whole(s, why, document), subject = part_member(&whole, "credentialSubject");
    struct part id = part_member(&subject, "id"), log = part_member(&subject, "log");
    struct part salt = part_member(&subject, "salt"), until = part_member(&whole, "validUntil");
    struct part status = part_member(&whole, "credentialStatus");
    struct id party;

    *out = (struct possession){ 0 };
    TRY(envelope_read(&whole, &kind, &out->c));
    if (until.value || status.value)
        return part_refuse(until.value ? &until : &status, REFUSAL_MEMBER_UNKNOWN, "a key's statement does not lapse");
    TRY(part_object(&subject, names));
    TRY(part_text(&id, &out->party));
    TRY(part_text(&log, &out->log));
    TRY(part_salt(&salt, out->salt));
    if (strncmp(out->party, PARTY_URN, strlen(PARTY_URN)) != 0 ||
        !id_parse(out->party + strlen(PARTY_URN), "pty", &party))
        return part_refuse(&id, REFUSAL_VALUE_INVALID, PARTY_URN "pty_…");
    out->party += strlen(PARTY_URN);
    return ERR_OK;
}

err possession_sign(struct scope *s, const struct possession *wish, const struct secret_key *key, int64_t created_ms,
                    json_t **out, enum refusal *why)
{
    struct credential c = { .id = wish->c.id, .valid_from = wish->c.valid_from, .valid_until = TIME_NEVER };
    struct public_key public = secret_key_public(key);
    struct possession again;
    char issuer[DID_KEY_SIZE];
    json_t *document;
    err e;

    did_key(&public, issuer);
    *why = REFUSAL_MALFORMED;
    document = envelope_json(&kind, &c, issuer,
                             json_pack("{s:s,s:s,s:o}", "id", scope_printf(s, PARTY_URN "%s", wish->party), "log",
                                       wish->log, "salt", salt_json(wish->salt)), NULL);
    if (!document)
        return fail(s, ERR_INVALID, "a statement could not be built of these texts");
    e = integrity_sign(s, document, key, created_ms, out);
    json_decref(document);
    TRY(e);
    e = possession_read(s, *out, &again, why);
    if (e != ERR_OK)
        json_decref(*out);
    return e;
}
