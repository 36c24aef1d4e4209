/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/store/allocation.h"

/*
 * What is owed of a payment, what is refunded, and each contributor's line: found by the rules from the license's
 * slice and its first clearance, written unseen, in the caller's transaction, who holds the books. Memory grows with
 * the contributors, not with the items.
 */
err allot(struct scope *s, struct db *db, struct allocation_task *t);
