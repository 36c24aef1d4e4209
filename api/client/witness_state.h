/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/note/note.h"

/*
 * What a witness has cosigned: for each origin the newest checkpoint, in a file of its own below one folder.
 *
 * A file is written aside, made durable, renamed, and the folder made durable before anybody hears of it; it carries a
 * SHA-256, and one that is damaged or missing stops the witness: to forget what was cosigned is what it must never do.
 * So the first file of a log is an act of its own. The folder is locked, so that two processes never answer for one
 * witness, and refused if others can write to it.
 */
struct witness_state { int folder; };

/* `make`: the folder, durably, if it isn't there. ERR_CONFLICT: another process has it. */
err  witness_state_open(struct scope *s, const char *path, bool make, struct witness_state *out);
void witness_state_close(struct witness_state *w);
/* What the first file of a log is to hold: size 0 with empty_root(); nothing is written. ERR_CONFLICT: there is one. */
err  witness_state_new(struct scope *s, const struct witness_state *w, const char *origin, struct checkpoint *out);
/* ERR_NOT_FOUND: no file of this log; ERR_CORRUPT: damaged, or another origin's. */
err  witness_state_get(struct scope *s, const struct witness_state *w, const char *origin, struct checkpoint *out);
/*
 * The note that the log signed of a checkpoint that is about to be cosigned: one half of what proves a fork. Durable
 * when it returns ERR_OK; that of `last`, which was cosigned before, is still there.
 */
err  witness_state_note(struct scope *s, const struct witness_state *w, const struct note_key *log,
                        const struct checkpoint *last, struct bytes note);
/*
 * Keeps the note of `last` and one that contradicts it, of the same size and another root, in a file of the folder,
 * once for a log: *name is the file. ERR_NOT_FOUND: the note of `last` isn't there.
 */
err  witness_state_evidence(struct scope *s, const struct witness_state *w, const struct note_key *log,
                            const struct checkpoint *last, struct bytes note, const char **name);
/* Durable when it returns ERR_OK. */
err  witness_state_put(struct scope *s, const struct witness_state *w, const struct checkpoint *c);
