/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/bytes.h"
#include "schema/base/id.h"

/*
 * Which keys were used lately, gathered here and written to the database now
 * and then, so that no request waits for it. Also remembers which secrets were
 * right not long ago: only to say whose rate a request counts to before it is
 * authorized, and which secrets may be wrong; never to authorize. Thread-safe.
 */
struct uses;

struct uses *uses_new(void);
void uses_free(struct uses *u);
bool uses_known(const struct uses *u, const struct hash *digest);
void uses_note(struct uses *u, const struct id *key, const struct hash *digest, int64_t now_ms);
/* It was refused: from now on the secret may be wrong again. */
void uses_forget(struct uses *u, const struct hash *digest);
/* Takes what was gathered: up to `cap` ids, duplicates possible. */
size_t uses_take(struct uses *u, struct id *out, size_t cap);
