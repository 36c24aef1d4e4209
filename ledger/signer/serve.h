/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/signer/vault.h"

/*
 * Serving a vault over a Unix socket: one thread, one poll loop, one question
 * at a time in the order they were complete.
 *
 * A client has SIGNER_TIMEOUT_MS from a frame's first byte to its last, and
 * again for taking the answer; one that sends what is no question is told so
 * and dropped. Beyond SIGNER_CLIENTS_MAX the longest silent one makes room.
 * So no client can hold up another for longer than one sync takes.
 */

/*
 * Serves until SIGTERM or SIGINT (ERR_OK), or until the state cannot be
 * stored (then no signature may follow, and the process must end).
 * The vault is locked by the caller, so a socket left at `path` may be
 * replaced, unless something still answers there. Mode 0660.
 */
err signer_serve(struct scope *s, struct vault *v, const char *path);
