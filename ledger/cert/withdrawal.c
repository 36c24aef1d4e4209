/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/withdrawal.h"

#include <string.h>

#include "ledger/cert/envelope.h"

/* Of a consent, of a certificate of sourcing. */
struct form { struct envelope_kind kind; const char *digest; enum withdrawal_action last; };
static const struct form of_consent = { { .type = WITHDRAWAL_TYPE }, "consent_sha256", WITHDRAWAL_SUSPEND };
static const struct form of_sourcing = { { .type = SOURCING_WITHDRAWAL_TYPE }, "certificate_sha256",
                                         WITHDRAWAL_REVOKE };

static const char *const actions[WITHDRAWAL_ACTIONS] = { "revoke", "suspend" };
const struct code_list withdrawal_action_codes = { actions, ARRAY_LEN(actions) };

static err form_read(struct scope *s, const struct form *form, const json_t *document, struct withdrawal *out,
                     enum refusal *why)
{
    const char *const names[] = { "id", form->digest, "action", "salt", NULL };
    struct part whole = part_whole(s, why, document), subject = part_member(&whole, "credentialSubject");
    struct part id = part_member(&subject, "id"), digest = part_member(&subject, form->digest);
    struct part action = part_member(&subject, "action"), salt = part_member(&subject, "salt");
    struct part until = part_member(&whole, "validUntil"), status = part_member(&whole, "credentialStatus");
    int which;

    *out = (struct withdrawal){ 0 };
    TRY(envelope_read(&whole, &form->kind, &out->c));
    if (until.value || status.value)
        return part_refuse(until.value ? &until : &status, REFUSAL_MEMBER_UNKNOWN, "a withdrawal does not lapse");
    TRY(part_object(&subject, names));
    TRY(part_url(&id, &out->consent));
    TRY(part_hash(&digest, &out->consent_sha256));
    TRY(part_code(&action, &withdrawal_action_codes, REFUSAL_VALUE_INVALID, &which));
    if (which > (int)form->last)
        return part_refuse(&action, REFUSAL_VALUE_INVALID, "a certificate is revoked, not suspended");
    out->action = (enum withdrawal_action)which;
    return part_salt(&salt, out->salt);
}

static err form_sign(struct scope *s, const struct form *form, const struct withdrawal *wish,
                     const struct secret_key *key, int64_t created_ms, json_t **out, enum refusal *why)
{
    struct credential c = { .id = wish->c.id, .valid_from = wish->c.valid_from, .valid_until = TIME_NEVER };
    struct public_key public = secret_key_public(key);
    char issuer[DID_KEY_SIZE];
    struct withdrawal again;
    json_t *document;
    err e;

    did_key(&public, issuer);
    *why = REFUSAL_MALFORMED;
    document = envelope_json(&form->kind, &c, issuer,
                             json_pack("{s:s,s:o,s:s,s:o}", "id", wish->consent, form->digest,
                                       hash_json(&wish->consent_sha256), "action", actions[wish->action], "salt",
                                       salt_json(wish->salt)), NULL);
    if (!document)
        return fail(s, ERR_INVALID, "a withdrawal could not be built of these texts");
    e = integrity_sign(s, document, key, created_ms, out);
    json_decref(document);
    TRY(e);
    e = form_read(s, form, *out, &again, why);
    if (e != ERR_OK)
        json_decref(*out);
    return e;
}

/* Of a consent */

err withdrawal_read(struct scope *s, const json_t *document, struct withdrawal *out, enum refusal *why)
{
    return form_read(s, &of_consent, document, out, why);
}

err withdrawal_sign(struct scope *s, const struct withdrawal *wish, const struct secret_key *key, int64_t created_ms,
                    json_t **out, enum refusal *why)
{
    return form_sign(s, &of_consent, wish, key, created_ms, out, why);
}

enum refusal withdrawal_fits(const struct withdrawal *w, const struct consent *consent)
{
    if (strcmp(w->consent, consent->c.id) != 0 || !hash_equal(&w->consent_sha256, &consent->c.document))
        return REFUSAL_WITHDRAWAL_OTHER;
    if (strcmp(w->c.issuer, consent->c.issuer) != 0 && strcmp(w->c.issuer, consent->subject) != 0)
        return REFUSAL_WITHDRAWAL_STRANGER;
    return REFUSAL_NONE;
}

/* Of a certificate of sourcing */

err sourcing_withdrawal_read(struct scope *s, const json_t *document, struct withdrawal *out, enum refusal *why)
{
    return form_read(s, &of_sourcing, document, out, why);
}

err sourcing_withdrawal_sign(struct scope *s, const struct withdrawal *wish, const struct secret_key *key,
                             int64_t created_ms, json_t **out, enum refusal *why)
{
    return form_sign(s, &of_sourcing, wish, key, created_ms, out, why);
}

enum refusal sourcing_withdrawal_fits(const struct withdrawal *w, const struct sourcing *certificate)
{
    if (strcmp(w->consent, certificate->c.id) != 0 || !hash_equal(&w->consent_sha256, &certificate->c.document))
        return REFUSAL_WITHDRAWAL_OTHER;
    return strcmp(w->c.issuer, certificate->c.issuer) == 0 ? REFUSAL_NONE : REFUSAL_WITHDRAWAL_STRANGER;
}
