/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/audit_ahead.h"
#include "api/client/market.h"
#include "ledger/audit/audit.h"

/*
 * Where an audit reads from: a log served over HTTP, or the same files in a
 * folder (<dir>/checkpoint, <dir>/tile/…).
 *
 * tile() of both bears being called by several threads at once, over HTTP by
 * as many as are named and one more.
 */
struct url_source;

/*
 * `m` stays with the caller, for its key: the auditor's disclosures, if it has one. Precondition: at most
 * AHEAD_THREADS_MAX threads.
 */
err  url_source_open(struct scope *s, const struct market *m, unsigned threads, struct url_source **out);
void url_source_close(struct url_source *u);           /* NULL is fine */
struct audit_source url_source_of(struct url_source *u);

struct dir_source { int folder; };
struct audit_source dir_source_of(struct dir_source *d);
