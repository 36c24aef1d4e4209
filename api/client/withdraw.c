/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/withdraw.h"

#include "api/client/signing_key.h"
#include "schema/base/clock.h"
#include "schema/base/random.h"

static err request_make(struct scope *s, const json_t *shown, const char *file, const char *passphrase_file,
                        withdrawal_signer *sign, json_t **out)
{
    struct withdrawal w = { .c = { .valid_from = clock_wall_ms() }, .action = WITHDRAWAL_REVOKE };
    struct secret_key *key = NULL;
    enum refusal why;
    uint8_t noise[16];
    err e;

    random_bytes(noise, sizeof noise);
    random_bytes(w.salt, sizeof w.salt);
    w.c.id = credential_uuid(s, noise);
    TRY(json_text(s, shown, "credential", &w.consent));
    TRY(json_hash(s, shown, "document", &w.consent_sha256));
    TRY(signing_key_load(s, passphrase_file, file, &key));
    e = sign(s, &w, key, clock_wall_ms(), out, &why);
    secret_key_free(key);
    return e;
}

err withdraw(struct scope *s, struct market *m, const char *path, const char *key, const char *passphrase_file,
             withdrawal_signer *sign, json_t **answer)
{
    json_t *shown = NULL, *request = NULL, *body;
    err e;

    if (!key)
        return fail(s, ERR_INVALID, "revoking needs --key: the request is signed by it");
    TRY(market_get(s, m, path, &shown));
    e = request_make(s, shown, key, passphrase_file, sign, &request);
    json_decref(shown);
    TRY(e);
    body = json_pack("{s:o}", "request", request);
    e = market_post(s, m, scope_printf(s, "%s/revoke", path), body, market_new_key(s), answer);
    json_decref(body);
    return e;
}
