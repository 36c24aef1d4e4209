/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "api/http/http.h"
#include "schema/store/snapshot.h"

/*
 * Snapshots of what is owed to creators: what their entries say is everyone's; the leaves are the auditor's; a creator
 * gets her own, with its path, or the neighbors that show that there is none.
 */
err list_snapshots(struct request *rq);
err show_snapshot(struct request *rq);
err list_snapshot_leaves(struct request *rq);

/* Entry, as_of, time, and each currency's tree. */
err snapshot_json(struct scope *s, struct db *db, const struct snapshot *row, json_t **out);
/* {leaf,path,place} of the account, or {neighbors}: none, one or two, each with its path. */
err snapshot_proof(struct scope *s, struct db *db, const struct snapshot *row, const char *account,
                   const char *currency, json_t **out);
