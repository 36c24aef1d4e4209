/* SPDX-License-Identifier: Apache-2.0 */
#include "api/page.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "ledger/tree/frontier.h"

#define KEY_MAX 300               /* bytes of a key: a cursor of 400 characters holds no more */

int64_t page_limit(const struct request *rq)
{
    int64_t limit = match_query_int(&rq->match, "limit", LIST_LIMIT_DEFAULT);

    assert(limit >= 1 && limit <= LIST_LIMIT_MAX);      /* the contract says so too */
    return limit;
}

err page_bad_cursor(struct request *rq)
{
    return fail_at(&rq->scope, ERR_INVALID, "?cursor", "is none that this list has given: start without one");
}

err page_after(struct request *rq, const char **key)
{
    const char *cursor = match_query(&rq->match, "cursor");
    uint8_t bytes[KEY_MAX];
    size_t n;

    *key = "";
    if (!cursor)
        return ERR_OK;
    if (!base64url_read(cursor, strlen(cursor), bytes, sizeof bytes, &n) || n == 0)
        return page_bad_cursor(rq);
    for (size_t i = 0; i < n; i++)
        if (bytes[i] < 0x20 || bytes[i] >= 0x7f)
            return page_bad_cursor(rq);
    *key = scope_strndup(&rq->scope, (const char *)bytes, n);
    return ERR_OK;
}

err page_after_number(struct request *rq, int64_t first, int64_t *key)
{
    const char *text;
    uint64_t n;

    *key = first;
    TRY(page_after(rq, &text));
    if (!*text)
        return ERR_OK;
    if (!decimal_read(text, strlen(text), TREE_SIZE_MAX, &n))
        return page_bad_cursor(rq);
    *key = (int64_t)n;
    return ERR_OK;
}

/* As sent, but for what would end a Link's target. */
static void add_sent(struct buf *b, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '<' || text[i] == '>')
            buf_printf(b, "%%%02X", (unsigned char)text[i]);
        else
            buf_char(b, text[i]);
}

/* The target again with another cursor: path and the other parameters as they were. */
static const char *next_target(struct request *rq, const char *cursor)
{
    const char *at = strchr(rq->target, '?');
    struct buf b = BUF(&rq->scope);
    bool first = true;

    add_sent(&b, rq->target, at ? (size_t)(at - rq->target) : strlen(rq->target));
    for (at = at ? at + 1 : ""; *at; at += *at == '&') {
        size_t n = strcspn(at, "&");

        if (n > 0 && !(n >= 7 && memcmp(at, "cursor=", 7) == 0)) {
            buf_char(&b, first ? '?' : '&');
            add_sent(&b, at, n);
            first = false;
        }
        at += n;
    }
    buf_printf(&b, "%ccursor=%s", first ? '?' : '&', cursor);
    return b.p;
}

void reply_page(struct request *rq, json_t *data, const char *last)
{
    char *cursor = NULL;

    if (last) {
        cursor = NEWS(&rq->scope, char, BASE64_SIZE(strlen(last)));
        base64url_write(last, strlen(last), cursor);
        reply_header(rq, "Link", scope_printf(&rq->scope, "<%s>; rel=\"next\"", next_target(rq, cursor)));
    }
    reply_json(rq, 200, json_pack("{s:o, s:s?}", "data", data, "next_cursor", cursor));
}
