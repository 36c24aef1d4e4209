/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/audit_state.h"
#include "ledger/audit/audit.h"

/* An audit's report: for people on standard output, and as one JSON object. */
void audit_tell(struct scope *s, const struct audit_report *r, const char *vkey, bool trusted_now,
                const struct audit_state *st);
void audit_tell_json(struct scope *s, const struct audit_report *r, const char *vkey, const struct audit_state *st);
