/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/tree/proof.h"
#include "schema/base/scope.h"

/*
 * Inclusion paths of every leaf of one tree (RFC 9162, section 2.1.3): for lists beside the log, of which each row
 * gets its own. 2n hashes are kept; a path is what proof_check_inclusion() takes. Pairing from the left and letting
 * a last odd node rise unchanged is the tree of the RFC.
 */
struct tree_paths { unsigned levels; size_t n[PROOF_HASHES_MAX + 1]; struct hash *level[PROOF_HASHES_MAX + 1]; };

/* `leaves` are borrowed, the rest is in the scope. */
void tree_paths_make(struct scope *s, struct hash *leaves, size_t n, struct tree_paths *out);
/* Precondition: index < n. */
void tree_path(const struct tree_paths *t, size_t index, struct proof *out);
