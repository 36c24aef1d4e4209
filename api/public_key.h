/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/*
 * A party's own Ed25519 key, with which its certificates are signed. Shown to be held by a statement that the key signs
 * and that names party and log: it needs no challenge, says nothing elsewhere, and is taken for KEY_STATEMENT_MS.
 */
err register_public_key(struct request *rq);      /* POST /v1/me/public-keys */
