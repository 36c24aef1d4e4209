/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/audit/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CAP_START 64
#define ID_DIGITS 26

/* Crockford's base 32 in lower case: a to z without i, l, o, u. */
static unsigned digit_of(char c)
{
    static const unsigned char letters[26] = {
        10, 11, 12, 13, 14, 15, 16, 17, 0, 18, 19, 0, 20, 21, 0, 22, 23, 24, 25, 26, 0, 27, 28, 29, 30, 31,
    };

    return c <= '9' ? (unsigned)(c - '0') : letters[(c - 'a') % 26];
}

struct key key_of(const char *id)
{
    const char *p = strchr(id, '_');
    struct key k = { 0 };

    assert(p && strlen(p + 1) == ID_DIGITS);
    for (size_t i = 1; i <= ID_DIGITS; i++) {
        k.high = k.high << 5 | k.low >> 59;
        k.low = k.low << 5 | digit_of(p[i]);
    }
    return k;
}

void id_of_key(const char *prefix, struct key k, char out[ID_SIZE])
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    size_t len = strlen(prefix);

    assert(len + 1 + ID_DIGITS < ID_SIZE);
    memcpy(out, prefix, len);
    out[len] = '_';
    for (size_t i = ID_DIGITS; i-- > 0; k.low = k.low >> 5 | k.high << 59, k.high >>= 5)
        out[len + 1 + i] = digits[k.low & 31];
    out[len + 1 + ID_DIGITS] = '\0';
}

bool key_equal(struct key a, struct key b)
{
    return a.high == b.high && a.low == b.low;
}

void table_init(struct table *t, size_t row_size, uint64_t seed)
{
    *t = (struct table){ .row_size = row_size, .seed = seed };
}

void table_free(struct table *t)
{
    free(t->rows);
    free(t->taken);
    *t = (struct table){ 0 };
}

static size_t home(const struct table *t, struct key k)
{
    uint64_t h = (k.high ^ t->seed) * UINT64_C(0x9e3779b97f4a7c15);

    h = ((h ^ h >> 32) + k.low) * UINT64_C(0xd6e8feb86659fd93);
    h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (h ^ h >> 32) & (t->cap - 1);
}

static void *row_at(const struct table *t, size_t i)
{
    return t->rows + i * t->row_size;
}

static struct key key_at(const struct table *t, size_t i)
{
    struct key k;

    memcpy(&k, row_at(t, i), sizeof k);
    return k;
}

void *table_find(const struct table *t, struct key key)
{
    if (t->n == 0)
        return NULL;
    for (size_t i = home(t, key); t->taken[i]; i = (i + 1) & (t->cap - 1))
        if (key_equal(key_at(t, i), key))
            return row_at(t, i);
    return NULL;
}

static size_t free_place(const struct table *t, struct key key)
{
    size_t i = home(t, key);

    while (t->taken[i])
        i = (i + 1) & (t->cap - 1);
    return i;
}

static void grow(struct table *t)
{
    struct table old = *t;

    t->cap = old.cap ? old.cap * 2 : CAP_START;
    t->rows = calloc(t->cap, t->row_size);
    t->taken = calloc(t->cap, sizeof *t->taken);
    if (!t->rows || !t->taken)
        abort();
    for (size_t i = 0; i < old.cap; i++) {
        size_t to;
        if (!old.taken[i])
            continue;
        to = free_place(t, key_at(&old, i));
        t->taken[to] = true;
        memcpy(row_at(t, to), row_at(&old, i), t->row_size);
    }
    free(old.rows);
    free(old.taken);
}

void *table_add(struct table *t, struct key key)
{
    size_t i;

    if (t->n >= t->cap / 4 * 3)
        grow(t);
    i = free_place(t, key);
    t->taken[i] = true;
    t->n++;
    memset(row_at(t, i), 0, t->row_size);
    memcpy(row_at(t, i), &key, sizeof key);
    return row_at(t, i);
}

/* Moves back the rows behind that would no longer be found across the gap (Knuth, 6.4, algorithm R). */
void table_remove(struct table *t, void *row)
{
    size_t mask = t->cap - 1, gap = (size_t)((unsigned char *)row - t->rows) / t->row_size;

    assert(gap < t->cap && t->taken[gap]);
    for (size_t i = (gap + 1) & mask; t->taken[i]; i = (i + 1) & mask) {
        size_t from_home = (i - home(t, key_at(t, i))) & mask, from_gap = (i - gap) & mask;
        if (from_home < from_gap)
            continue;
        memcpy(row_at(t, gap), row_at(t, i), t->row_size);
        gap = i;
    }
    t->taken[gap] = false;
    t->n--;
}

void *table_next(const struct table *t, size_t *at)
{
    while (*at < t->cap)
        if (t->taken[(*at)++])
            return row_at(t, *at - 1);
    return NULL;
}
