/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"

/*
 * What an auditor remembers between runs: one file a log, by default
 * ${XDG_STATE_HOME:-~/.local/state}/counterfoil/<SHA-256 of the origin>; two
 * checkpoints that contradict one another are kept beside it, as evidence.
 * Held under a lock, so that two runs don't overwrite each other.
 */
#define AUDIT_STATE_BYTES_MAX (INT64_C(1) << 32)

struct audit_state {
    int folder;                   /* -1: not open */
    const char *path, *name;      /* of the file; name: within the folder */
    const char *evidence;         /* path of the evidence kept in this run, or NULL */
    struct bytes text;            /* empty: nothing remembered yet */
    int lock;
};

/* `file` NULL: the default place. */
err  audit_state_open(struct scope *s, const char *file, const char *origin, struct audit_state *out);
err  audit_state_save(struct scope *s, struct audit_state *st, const char *text, size_t len);
err  audit_state_evidence(struct scope *s, struct audit_state *st, const char *notes);
void audit_state_close(struct audit_state *st);

/*
 * The verifier key that was first seen at a URL, beside the default place of the states: <SHA-256 of the URL>.key.
 * Without it a market could begin anew under another name, and no state would be found to contradict it.
 * *vkey NULL: none yet.
 */
err  audit_pin_read(struct scope *s, const char *url, const char **vkey);
err  audit_pin_write(struct scope *s, const char *url, const char *vkey);
