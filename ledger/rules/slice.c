/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/rules/slice.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/keys/sha256.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"

/* ---- the request */

static err known_members(struct scope *s, const json_t *object, const char *at, const char *const *names)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return fail_at(s, ERR_INVALID, at, "must be an object");
    json_object_foreach((json_t *)object, key, value) {
        size_t i = 0;
        while (names[i] && strcmp(names[i], key) != 0)
            i++;
        if (!names[i])
            return fail_at(s, ERR_INVALID, at, "has a member that a slice's request does not have: %.64s", key);
    }
    return ERR_OK;
}

/* An optional member that can only be one word. */
static err word_read(struct scope *s, const json_t *request, const char *at, const char *name, const char *word,
                     bool *there)
{
    const json_t *v = json_object_get(request, name);

    *there = v != NULL;
    if (v && (!json_is_string(v) || strcmp(json_string_value(v), word) != 0))
        return fail_at(s, ERR_INVALID, scope_printf(s, "%s/%s", at, name), "must be \"%s\"", word);
    return ERR_OK;
}

static err sample_read(struct scope *s, const json_t *v, const char *at, struct slice *out)
{
    static const char *const names[] = { "count", "seed", NULL };
    const json_t *count, *seed;

    TRY(known_members(s, v, at, names));
    count = json_object_get(v, "count");
    seed = json_object_get(v, "seed");
    if (!json_is_integer(count) || json_integer_value(count) < 1 || json_integer_value(count) > VERSION_ITEMS_MAX)
        return fail_at(s, ERR_INVALID, scope_printf(s, "%s/count", at), "must be a whole number from 1 to %d",
                       VERSION_ITEMS_MAX);
    out->count = json_integer_value(count);
    out->seed_len = json_string_length(seed);
    if (!json_is_string(seed) || out->seed_len == 0 || out->seed_len > SLICE_SEED_MAX ||
        memchr(json_string_value(seed), '\0', out->seed_len))
        return fail_at(s, ERR_INVALID, scope_printf(s, "%s/seed", at), "must be a text of 1 to %d bytes",
                       SLICE_SEED_MAX);
    out->seed = scope_strndup(s, json_string_value(seed), out->seed_len);
    return ERR_OK;
}

err slice_read(struct scope *s, const json_t *request, const char *at, struct slice *out)
{
    static const char *const names[] = { "distinct", "filter", "order", "sample", NULL };
    const json_t *filter, *sample;
    struct bytes text;
    bool ordered;

    *out = (struct slice){ 0 };
    TRY(known_members(s, request, at, names));
    TRY(word_read(s, request, at, "distinct", "sha256", &out->distinct));
    TRY(word_read(s, request, at, "order", "path", &ordered));
    filter = json_object_get(request, "filter");
    sample = json_object_get(request, "sample");
    if (filter)
        TRY(filter_read(s, filter, scope_printf(s, "%s/filter", at), &out->filter));
    if (sample)
        TRY(sample_read(s, sample, scope_printf(s, "%s/sample", at), out));
    return slice_canon(s, out, &text);         /* what has no canonical form cannot be sold */
}

bool slice_whole(const struct slice *slice)
{
    return !slice->filter && !slice->distinct && slice->count == 0;
}

err slice_canon(struct scope *s, const struct slice *slice, struct bytes *out)
{
    struct buf b = BUF(s);

    buf_char(&b, '{');
    if (slice->distinct)
        buf_str(&b, "\"distinct\":\"sha256\"");
    if (slice->filter) {
        buf_str(&b, b.len > 1 ? ",\"filter\":" : "\"filter\":");
        filter_canon(&b, slice->filter);
    }
    if (slice->count > 0) {
        buf_str(&b, b.len > 1 ? ",\"sample\":{\"count\":" : "\"sample\":{\"count\":");
        buf_u64(&b, (uint64_t)slice->count);
        buf_str(&b, ",\"seed\":");
        canon_string(&b, slice->seed, slice->seed_len);
        buf_char(&b, '}');
    }
    buf_char(&b, '}');
    if (b.len > SLICE_BYTES_MAX)
        return fail(s, ERR_INVALID, "the request has %zu bytes in canonical form, at most %d are taken", b.len,
                    SLICE_BYTES_MAX);
    *out = (struct bytes){ (const uint8_t *)b.p, b.len };
    return ERR_OK;
}

/* ---- the choice */

struct hash slice_score(const struct slice *slice, const struct hash *sha256)
{
    struct sha256 c;

    sha256_init(&c);
    sha256_add(&c, slice->seed, slice->seed_len);
    sha256_add(&c, sha256->b, HASH_SIZE);
    return sha256_end(&c);
}

/* The numbers that are kept mean paths only if the items come in their order. */
static void check_order(struct slice_pick *p, const struct filter_item *item)
{
    size_t len = p->last_len < item->path_len ? p->last_len : item->path_len;
    int order;

    assert(item->path_len <= ITEM_PATH_MAX && p->next < VERSION_ITEMS_MAX);
    if (p->last) {
        order = memcmp(p->last, item->path, len);
        assert(order < 0 || (order == 0 && p->last_len < item->path_len));
    } else {
        p->last = scope_alloc(p->s, ITEM_PATH_MAX, 1);
    }
    memcpy(p->last, item->path, item->path_len);
    p->last_len = item->path_len;
}

bool slice_pick_add(struct slice_pick *p, const struct filter_item *item, const struct hash *sha256)
{
    uint32_t n = p->next;

    check_order(p, item);
    p->next++;
    if (p->slice->filter && !filter_match(p->slice->filter, item))
        return false;
    if (p->n_kept == p->cap) {
        struct slice_candidate *more;

        p->cap = p->cap ? 2 * p->cap : 1024;
        more = NEWS(p->s, struct slice_candidate, p->cap);
        if (p->n_kept)
            memcpy(more, p->kept, p->n_kept * sizeof *more);
        p->kept = more;
    }
    p->kept[p->n_kept++] = (struct slice_candidate){ *sha256, n };
    return true;
}

static int by_number(const void *left, const void *right)
{
    const struct slice_candidate *a = left, *b = right;

    return (a->n > b->n) - (a->n < b->n);
}

/* Ties by number, which is by path. */
static int by_key(const void *left, const void *right)
{
    const struct slice_candidate *a = left, *b = right;
    int order = memcmp(a->key.b, b->key.b, HASH_SIZE);

    return order ? order : by_number(left, right);
}

static void sort(struct slice_pick *p, int (*order)(const void *, const void *))
{
    if (p->n_kept > 1)
        qsort(p->kept, p->n_kept, sizeof *p->kept, order);
}

static void keep_distinct(struct slice_pick *p)
{
    size_t kept = 0;

    sort(p, by_key);
    for (size_t i = 0; i < p->n_kept; i++)
        if (kept == 0 || !hash_equal(&p->kept[kept - 1].key, &p->kept[i].key))
            p->kept[kept++] = p->kept[i];
    p->n_kept = kept;
}

static void keep_sample(struct slice_pick *p)
{
    if (p->n_kept <= (size_t)p->slice->count)
        return;
    for (size_t i = 0; i < p->n_kept; i++)
        p->kept[i].key = slice_score(p->slice, &p->kept[i].key);
    sort(p, by_key);
    p->n_kept = (size_t)p->slice->count;
}

void slice_pick_end(struct slice_pick *p, uint32_t **numbers, size_t *n)
{
    if (p->slice->distinct)
        keep_distinct(p);
    if (p->slice->count > 0)
        keep_sample(p);
    sort(p, by_number);
    *n = p->n_kept;
    *numbers = NEWS(p->s, uint32_t, p->n_kept);
    for (size_t i = 0; i < p->n_kept; i++)
        (*numbers)[i] = p->kept[i].n;
}
