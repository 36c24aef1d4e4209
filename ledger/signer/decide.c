/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/decide.h"

enum decision signer_decide(const struct signer_state *last, const struct sign_request *r)
{
    if (last->standby)
        return DECIDE_STANDBY;
    if (r->new_size < last->size)
        return DECIDE_LATE;
    if (r->new_size == last->size)
        return hash_equal(&r->new_root, &last->root) ? DECIDE_REPEAT : DECIDE_ALARM_ROOT;
    if (r->old_size != last->size)
        return DECIDE_OTHER_SIZE;
    if (last->frozen)
        return DECIDE_FROZEN;
    if (!proof_check_consistency(last->size, &last->root, r->new_size, &r->new_root, &r->proof))
        return DECIDE_ALARM_PROOF;
    return DECIDE_SIGN;
}
