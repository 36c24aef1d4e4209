/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/app.h"
#include "api/caller.h"

/*
 * API keys: cf_<26 characters of the key's id>_<52 characters of secret>, as
 * Bearer or as the password of Basic, with hf_ in front or not. Only a keyed
 * BLAKE2b of the secret is stored. The key's row is read for every request, so
 * that a revocation binds from its own answer on; deliveries are authorized
 * under the ledger's lock instead and come here only to be read.
 */
#define API_KEY_SECRET 52
#define API_KEY_SIZE   (3 + 26 + 1 + API_KEY_SECRET + 1)

/* http_config.authenticate */
err auth_request(struct request *rq);
/* The caller, verified; asserts that the contract asked for one. */
const struct caller *auth_caller(const struct request *rq);
/* Draws a key: its text, shown once, and the digest to keep. */
struct new_key { struct id id; char text[API_KEY_SIZE]; struct hash digest; };
void auth_new_key(const struct app *app, struct new_key *out);
