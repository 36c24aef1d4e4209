/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/note/note.h"

/*
 * What a witness has cosigned: for each origin the newest checkpoint, in a file of its own below one folder.
 *
 * A file is written aside, made durable, renamed, and the folder made durable before anybody hears of it; it carries a
 * SHA-256, and one that is damaged stops the witness: to forget what was cosigned is what it must never do. The folder
 * is locked, so that two processes never answer for one witness.
 */
struct witness_state { int folder; };

/* Makes the folder if it isn't there. ERR_CONFLICT: another process has it. */
err  witness_state_open(struct scope *s, const char *path, struct witness_state *out);
void witness_state_close(struct witness_state *w);
/* Size 0 with empty_root() if nothing was cosigned yet; ERR_CORRUPT: damaged, or another origin's. */
err  witness_state_get(struct scope *s, const struct witness_state *w, const char *origin, struct checkpoint *out);
/* Durable when it returns ERR_OK. */
err  witness_state_put(struct scope *s, const struct witness_state *w, const struct checkpoint *c);
