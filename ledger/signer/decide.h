/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/note/signing.h"
#include "ledger/signer/state.h"

/*
 * The decision on a request to sign, a table in the order of its rows (design:
 * "Signer"). Pure: whether a second history can ever be signed is decided here
 * and nowhere else.
 */
enum decision {
    DECIDE_STANDBY,               /* another signer signs, or may */
    DECIDE_LATE,                  /* new size below the last: a late caller is no fork */
    DECIDE_REPEAT,                /* the last size and root again */
    DECIDE_ALARM_ROOT,            /* another root at the last size */
    DECIDE_OTHER_SIZE,            /* old size is not the last */
    DECIDE_FROZEN,
    DECIDE_ALARM_PROOF,           /* the proof fails */
    DECIDE_SIGN                   /* the proof holds: slot, sync, signature */
};

enum decision signer_decide(const struct signer_state *last, const struct sign_request *r);
