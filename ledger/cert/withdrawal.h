/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/cert/consent.h"
#include "ledger/cert/sourcing.h"

/*
 * A request to withdraw a consent, or to suspend it: one signed document. Pure.
 *
 *   "type": ["VerifiableCredential","ConsentWithdrawalRequest"], "validFrom": when it was made; no end
 *   "credentialSubject": {"id":"<the consent's id>","consent_sha256":"<its digest as accepted>",
 *                         "action":"revoke" or "suspend","salt":"…"}
 *
 * It names one consent by id and digest, so that it can be used for no other; to send it twice changes nothing, since
 * revoking is for good. A suspension ends in ways that are not in this document, so its age is the caller's to check.
 */
#define WITHDRAWAL_TYPE "ConsentWithdrawalRequest"

/*
 * The same for an ethical-sourcing certificate, from who signed it: only `revoke`.
 *
 *   "type": ["VerifiableCredential","CertificateWithdrawalRequest"], "credentialSubject":
 *   {"id":"<the certificate's id>","certificate_sha256":"<its digest as accepted>","action":"revoke","salt":"…"}
 */
#define SOURCING_WITHDRAWAL_TYPE "CertificateWithdrawalRequest"

enum withdrawal_action { WITHDRAWAL_REVOKE, WITHDRAWAL_SUSPEND, WITHDRAWAL_ACTIONS };
extern const struct code_list withdrawal_action_codes;        /* "revoke", "suspend" */

struct withdrawal {
    struct credential c;
    const char *consent;                /* id of the credential: a consent's, or a certificate's */
    struct hash consent_sha256;         /* its `document` */
    enum withdrawal_action action;
    uint8_t salt[16];
};

err withdrawal_read(struct scope *s, const json_t *document, struct withdrawal *out, enum refusal *why);
/* Signs one: new reference. c.id, c.valid_from, salt and time are the caller's; c.valid_until is not written. */
err withdrawal_sign(struct scope *s, const struct withdrawal *wish, const struct secret_key *key, int64_t created_ms,
                    json_t **out, enum refusal *why);
/* Whether it is about this consent (or WITHDRAWAL_OTHER), and from its creator or who signed it (_STRANGER). */
enum refusal withdrawal_fits(const struct withdrawal *w, const struct consent *consent);

err sourcing_withdrawal_read(struct scope *s, const json_t *document, struct withdrawal *out, enum refusal *why);
err sourcing_withdrawal_sign(struct scope *s, const struct withdrawal *wish, const struct secret_key *key,
                             int64_t created_ms, json_t **out, enum refusal *why);
/* Whether it is about this certificate (or WITHDRAWAL_OTHER), and from who signed that (_STRANGER). */
enum refusal sourcing_withdrawal_fits(const struct withdrawal *w, const struct sourcing *certificate);
