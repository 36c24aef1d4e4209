/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/keys/sign.h"

/* The user's key file, sealed or plain; a sealed one's passphrase from a file (NULL: asked at the terminal). */
err signing_key_load(struct scope *s, const char *passphrase_file, const char *path, struct secret_key **k);
