/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/market.h"
#include "ledger/audit/audit.h"

/*
 * Where an audit reads from: a log served over HTTP, or the same files in a
 * folder (<dir>/checkpoint, <dir>/tile/…).
 *
 * Over HTTP the bundles that come next are fetched ahead by several threads,
 * since an auditor reads them in order and is otherwise bound by round trips.
 */
#define AHEAD_THREADS 4
#define AHEAD_BUNDLES 16

struct url_source;

/* `m` stays with the caller, for its key: the auditor's disclosures, if it has one. */
err  url_source_open(struct scope *s, const struct market *m, struct url_source **out);
void url_source_close(struct url_source *u);           /* NULL is fine */
struct audit_source url_source_of(struct url_source *u);

struct dir_source { int folder; };
struct audit_source dir_source_of(struct dir_source *d);
