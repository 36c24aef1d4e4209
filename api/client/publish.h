/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/folder.h"
#include "api/client/market.h"
#include "api/client/sidecar.h"

/* The steps of `counterfoil publish`, in order; each can be repeated without harm. */

/* Hashes all files on all cores; gives the root of the version that they make. */
err publish_hash(struct scope *s, int folder, struct files *files, struct hash *root);
struct uploaded { size_t contents, sent; int64_t bytes_sent; };
/* Uploads the contents that the market doesn't hold from us yet, several at a time. */
err publish_upload(struct scope *s, struct market *m, int folder, const struct files *files, struct uploaded *out);
/* Sends the list of items to a draft, part by part. */
err publish_list(struct scope *s, struct market *m, const char *draft_path, const struct files *files,
                 const struct sidecar *sc);
/* Whether a published version of the same files says the same about them. `list`: its items' path. */
err publish_same(struct scope *s, struct market *m, const char *list, const struct files *files,
                 const struct sidecar *sc, bool *same);
