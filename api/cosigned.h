/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/app.h"
#include "ledger/note/policy.h"

/*
 * The newest checkpoint that meets the policy (COUNTERFOIL_POLICY), with its cosignatures, from the rows that workers
 * store. Looked up when somebody asks and COSIGNED_LOOK_MS are over; never a smaller one than was given before.
 */
struct cosigned;

/* *out NULL: no policy is configured. ERR_CONFIG: it can't be read, or lists logs but not this one. */
err  cosigned_open(struct scope *s, struct app *app, struct cosigned **out);
void cosigned_close(struct cosigned *c);      /* NULL is fine */
/* Whether it is time to look again, which waits for the database. */
bool cosigned_due(struct cosigned *c);
err  cosigned_look(struct scope *s, struct app *app, struct db *db);
/* Size 0 and "": none was good yet. The note is in the scope. */
struct append_signed cosigned_newest(struct scope *s, struct cosigned *c);
