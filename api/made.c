/* SPDX-License-Identifier: Apache-2.0 */
#include "api/made.h"

#include <inttypes.h>
#include <string.h>

#include "api/app.h"
#include "api/auth.h"
#include "api/page.h"
#include "api/show.h"
#include "schema/store/made.h"

/* "version.n.place" of the last row. */
static err place_read(struct scope *s, const char *text, struct made_place *out)
{
    uint64_t of[3];

    *out = (struct made_place){ -1, -1, -1 };
    if (!*text)
        return ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(of); i++) {
        size_t len = strcspn(text, ".");
        bool last = i + 1 == ARRAY_LEN(of);

        if (!decimal_read(text, len, i == 0 ? INT64_MAX : INT32_MAX, &of[i]) || (text[len] == '\0') != last)
            return fail(s, ERR_INVALID, "the cursor is none of this list");
        text += len + !last;
    }
    *out = (struct made_place){ (int64_t)of[0], (int32_t)of[1], (int32_t)of[2] };
    return ERR_OK;
}

/* Who publishes an item that names nobody consents by that. */
static const char *consent_of(const struct made_item *m)
{
    return m->covered ? "granted" : m->declared ? "needed" : "by_publishing";
}

static json_t *item_json(const struct made_item *m)
{
    return json_pack("{s:s,s:I,s:s,s:o,s:I,s:s,s:i,s:s}", "dataset", m->dataset, "version", (json_int_t)m->version,
                     "path", m->path, "sha256", show_hash(&m->sha256), "size", (json_int_t)m->size, "role", m->role,
                     "weight", (int)m->weight, "consent", consent_of(m));
}

static err items_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    int64_t limit = page_limit(rq);
    const char *text, *next = NULL;
    struct made_place after;
    struct made_item *rows;
    json_t *data;
    size_t n;

    TRY(page_after(rq, &text));
    TRY(place_read(s, text, &after));
    TRY(made_items(s, db, auth_caller(rq)->party.id.text, &after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, item_json(&rows[i]));
    if (n > (size_t)limit)
        next = scope_printf(s, "%" PRId64 ".%" PRId32 ".%" PRId32, rows[limit - 1].version_no, rows[limit - 1].n,
                            rows[limit - 1].place);
    reply_page(rq, data, next);
    return ERR_OK;
}

err list_my_items(struct request *rq)
{
    return app_with_db(rq, items_read);
}
