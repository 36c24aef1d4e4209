/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/audit_draw.h"
#include "api/client/audit_mirror.h"
#include "api/client/audit_state.h"
#include "ledger/audit/audit.h"

/* An audit's report: for people on standard output, and as one JSON object (docs/operating.md). */
struct audit_told {
    const char *vkey;
    bool trusted_now;             /* the key was believed on first use */
    const struct audit_state *state;
    const struct mirror *mirror;  /* NULL: none was asked for */
    bool mirrored;                /* it is as far as the log */
    const struct draw_result *drawn;      /* NULL: nothing was drawn */
};
void audit_tell(struct scope *s, const struct audit_report *r, const struct audit_told *t);
void audit_tell_json(struct scope *s, const struct audit_report *r, const struct audit_told *t);
