/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "schema/base/bytes.h"
#include "worker/fetch/fetch.h"

/*
 * A market as its HTTP API shows it. COUNTERFOIL_URL says where; the API key
 * comes from a file or the environment, never from the command line.
 *
 * What is safe to repeat (reads, uploads, and writes with an Idempotency-Key)
 * is repeated with growing pauses while the market is busy or unreachable.
 * Refusals come back as the error the market named, with its words in the
 * scope. One thread at a time; market_clone() makes one more connection.
 */
#define MARKET_ANSWER_MAX (64 << 20)
#define MARKET_VALUES_MAX (4 << 20)      /* JSON values in one answer: items have many attributes and contributors */

struct market {
    const char *url;              /* without a final slash */
    const char *authorization;    /* header line; NULL: nobody in particular */
    struct fetch *fetch;
};

void market_print_config(void);
err  market_open(struct scope *s, struct market *m, bool need_key);
err  market_open_url(struct scope *s, struct market *m, const char *url);     /* without a key */
err  market_clone(struct scope *s, const struct market *m, struct market *out);
void market_close(struct market *m);

/* JSON answers; a new reference each. `path` begins with '/'. */
err market_get(struct scope *s, struct market *m, const char *path, json_t **out);
/* `body` NULL: none. `key` NULL: none, then it is not repeated. */
err market_post(struct scope *s, struct market *m, const char *path, const json_t *body, const char *key, json_t **out);
/*
 * Every row of a list, page by page, row: borrowed; or every page, whose scope ends with it. ERR_CORRUPT: no page, or
 * one that leads to itself, or is empty and names another, or is the LIST_PAGES_MAX-th and does, as those of a list
 * without an end would.
 */
err market_each(struct scope *s, struct market *m, const char *path,
                err (*each)(struct scope *s, void *arg, json_t *row), void *arg);
err market_pages(struct scope *s, struct market *m, const char *path,
                 err (*each)(struct scope *s, void *arg, const json_t *data), void *arg);
/* Any request, repeated as above; rq->url is set from `path`, the key is added. Refusals are errors. */
err market_run(struct scope *s, struct market *m, const char *path, struct fetch_request *rq, bool repeat,
               struct fetch_answer *out);
/*
 * For a caller that repeats by itself: whether an error may pass, and the pause before attempt 1, 2, …; a: the last
 * answer.
 */
#define MARKET_REPEATS_MAX 8
bool market_may_pass(err e);
void market_pause(int attempt, const struct fetch_answer *a);
/*
 * Whether what somebody typed can be an id of its kind, before the market is asked: "lic_"; else `hint` says where such
 * ids come from.
 */
err market_id(struct scope *s, const char *text, const char *prefix, const char *hint);
#define HINT_OFFER   "`counterfoil datasets OWNER/NAME` shows a dataset's offers"
#define HINT_LICENSE "`counterfoil license` lists yours"
/* An Idempotency-Key of 128 random bits. */
char *market_new_key(struct scope *s);

/* Members of answers, which we do not trust to have them: ERR_CORRUPT. */
err json_text(struct scope *s, const json_t *object, const char *name, const char **out);     /* borrowed */
err json_count(struct scope *s, const json_t *object, const char *name, int64_t *out);
err json_hash(struct scope *s, const json_t *object, const char *name, struct hash *out);
const char *json_text_or(const json_t *object, const char *name, const char *otherwise);
/* "a, b" of an array of words; "nothing" of none. */
char *words_text(struct scope *s, const json_t *list);
/* "12.00 EUR" of a Money object. */
char *money_text(struct scope *s, const json_t *money);
/* "0.10 EUR for each item, at least 1.00" of a Price object. */
char *price_text(struct scope *s, const json_t *price);
