/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/issuer.h"

#include <string.h>

#include "api/client/say.h"
#include "ledger/cert/did.h"

/* The key that an entry of the log brought, as did:key. */
static err key_of(struct scope *s, const struct receipt *r, char did[DID_KEY_SIZE])
{
    enum entry_type type = r->entry.spec->type;
    struct note_key key;

    if (type != ENTRY_LOG_OPENED && type != ENTRY_ISSUER_KEY_CHANGED)
        return fail(s, ERR_INVALID, "entry %llu, %s, brings no key of the issuer: --issuer-entry "
                    "takes the receipt of log.opened or of an issuer.key_changed", (unsigned long long)r->index,
                    r->entry.spec->name);
    if (!note_key_parse(entry_field(&r->entry, "issuer_key")->v.text, &key))
        return fail(s, ERR_INVALID, "entry %llu brings no verifier key", (unsigned long long)r->index);
    did_key(&key.key, did);
    return ERR_OK;
}

err issuer_check(struct scope *s, const struct texts *receipts, const struct note_key *key,
                 const struct policy *policy, uint64_t index, const char *did, int column)
{
    char at[DID_KEY_SIZE], then[DID_KEY_SIZE] = "";
    uint64_t since = 0;

    for (size_t i = 0; i < receipts->n; i++) {
        struct bytes proof;
        struct receipt r;

        TRY(receipt_read(s, receipts->v[i], key, &proof, &r));
        if (policy)
            TRY(receipt_meets(s, policy, key, proof));
        TRY(key_of(s, &r, at));
        if (r.index > index || (*then && r.index < since))
            continue;
        since = r.index;
        memcpy(then, at, sizeof then);
    }
    if (!*then)
        return fail(s, ERR_INVALID, "none of the issuer's keys given was in force at entry %llu: give the receipt of "
                    "log.opened, entry 0, too", (unsigned long long)index);
    if (strcmp(then, did) != 0)
        return fail(s, ERR_INVALID, "signed by %s, not by %s, the issuer's key since entry %llu, of those given: if "
                    "it was changed since then, give the receipt of that entry, too; else don't trust it", did, then,
                    (unsigned long long)since);
    say("%-*sthe issuer's key since entry %llu", column, "", (unsigned long long)since);
    return ERR_OK;
}
