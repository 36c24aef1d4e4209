/* SPDX-License-Identifier: Apache-2.0 */
#include "api/signed.h"

#include <string.h>

#include "api/refused.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/store/party.h"

err signed_add_once(struct request *rq, struct db *db, err (*add)(struct request *rq, struct db *db),
                    err (*again)(struct request *rq, struct db *db))
{
    struct scope *s = &rq->scope;
    const char *taken;
    err e = add(rq, db);

    if (e != ERR_CONFLICT)
        return e;
    db_rollback(db);
    taken = scope_strdup(s, s->why.detail);
    scope_forgive(s);
    e = again(rq, db);
    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    return fail(s, ERR_CONFLICT, "%s", taken);
}

err signed_withdrawal_check(struct scope *s, struct db *db, const struct withdrawal *w, enum refusal why,
                            const struct id *party)
{
    struct party now;

    if (why == REFUSAL_WITHDRAWAL_STRANGER) {
        TRY(party_get(s, db, party->text, &now));
        if (now.public_key && strcmp(now.public_key, w->c.issuer) == 0)
            why = REFUSAL_NONE;
    }
    if (why != REFUSAL_NONE)
        return refuse(s, why, why == REFUSAL_WITHDRAWAL_OTHER ? "/request/credentialSubject" : "/request/issuer", NULL);
    if (w->c.signed_at > clock_wall_ms() + CLOCK_SKEW_MAX_MS)
        return refuse(s, REFUSAL_NOT_YET_VALID, "/request/proof/created", NULL);
    return ERR_OK;
}
