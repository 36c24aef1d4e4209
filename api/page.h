/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/*
 * Pages of lists: ?limit= and an opaque keyset cursor, answered as {"data":[…],"next_cursor":…} with a Link to the
 * next page. A cursor is base64url of the last row's key (an id, a number): rows that come and go between two
 * pages neither repeat nor hide others. It says where to go on, never what one may see.
 *
 * A list asks its store for page_limit() + 1 rows; the one too many says that there is a next page.
 */
int64_t page_limit(const struct request *rq);
/* The last key of the page before, "" for the first page; ERR_INVALID for what no page gave out. */
err page_after(struct request *rq, const char **key);
/* What either fails with; for who reads more out of a key. */
err page_bad_cursor(struct request *rq);
/* The same for keys that are numbers, none above TREE_SIZE_MAX; `first` for the first page. */
err page_after_number(struct request *rq, int64_t first, int64_t *key);
/* `last`: key of the last row in `data`; NULL: no more rows. */
void reply_page(struct request *rq, json_t *data /* stolen */, const char *last);
