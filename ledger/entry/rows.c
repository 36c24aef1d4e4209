/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger/entry/lists.h"
#include "ledger/keys/sha256.h"

/* Rows of lists that auditors and creators read back: cleared items, lines of allocations, accounts of snapshots. */
#define ID_TEXT   30                   /* "cns_" and 26 characters */
#define SALT_TEXT 22                   /* 16 bytes in base64url */

static void add_salt(struct buf *b, const uint8_t salt[SALT_SIZE])
{
    char text[BASE64_SIZE(SALT_SIZE)];

    base64url_write(salt, SALT_SIZE, text);
    buf_str(b, ",\"salt\":\"");
    buf_str(b, text);
    buf_str(b, "\"}");
}

void cleared_salt(const uint8_t seed[CLEARED_SEED_SIZE], uint64_t item, uint8_t salt[SALT_SIZE])
{
    uint8_t bytes[CLEARED_SEED_SIZE + 8];
    struct hash h;

    memcpy(bytes, seed, CLEARED_SEED_SIZE);
    be64_write(bytes + CLEARED_SEED_SIZE, item);
    h = sha256_of(bytes, sizeof bytes);
    memcpy(salt, h.b, SALT_SIZE);
}

void list_add_cleared(struct frontier *tree, struct buf *leaf, const struct cleared_row *row)
{
    assert(row->n_consents <= ITEM_CONTRIBUTORS_MAX);
    leaf->len = 0;
    buf_str(leaf, "{\"consents\":[");
    for (size_t i = 0; i < row->n_consents; i++) {
        buf_str(leaf, i ? ",\"" : "\"");
        buf_str(leaf, row->consents[i].text);
        buf_char(leaf, '"');
    }
    buf_str(leaf, "],\"item\":");
    buf_u64(leaf, row->item);
    add_salt(leaf, row->salt);
    frontier_append(tree, leaf_hash(leaf->p, leaf->len));
}

/* A line and what an account holds: {account,<money>,n,salt}. */
static void money_leaf(struct buf *leaf, const char *account, const char *name, const char *money, uint64_t n,
                       const uint8_t salt[SALT_SIZE])
{
    leaf->len = 0;
    buf_printf(leaf, "{\"account\":\"%s\",\"%s\":\"%s\",\"n\":", account, name, money);
    buf_u64(leaf, n);
    add_salt(leaf, salt);
}

void list_add_line(struct frontier *tree, struct buf *leaf, const struct line_row *row)
{
    money_leaf(leaf, row->account.text, "amount", row->amount, row->n, row->salt);
    frontier_append(tree, leaf_hash(leaf->p, leaf->len));
}

struct hash held_id(const char *account, uint64_t as_of)
{
    char text[sizeof "{\"account\":\"\",\"as_of\":18446744073709551615}" + ID_SIZE];
    int n = snprintf(text, sizeof text, "{\"account\":\"%s\",\"as_of\":%" PRIu64 "}", account, as_of);

    assert(n > 0 && (size_t)n < sizeof text);
    return sha256_of(text, (size_t)n);
}

struct hash held_commitment(struct buf *leaf, const struct held_row *row)
{
    money_leaf(leaf, row->account.text, "balance", row->balance, row->n, row->salt);
    return sha256_of(leaf->p, leaf->len);
}

/* ---- reading: a walk over the leaf's bytes that takes what is expected, or stops for good */

struct walk { const char *p, *end; };

static bool take(struct walk *w, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(w->end - w->p) < len || memcmp(w->p, text, len) != 0)
        return false;
    w->p += len;
    return true;
}

static bool take_id(struct walk *w, const char *prefix, struct id *out)
{
    char text[ID_TEXT + 1];

    if (w->end - w->p < ID_TEXT)
        return false;
    memcpy(text, w->p, ID_TEXT);
    text[ID_TEXT] = '\0';
    w->p += ID_TEXT;
    return id_parse(text, prefix, out) && text[strlen(prefix) + 1] <= '7';       /* 128 bits: one text for each */
}

static bool take_count(struct walk *w, uint64_t *out)
{
    const char *from = w->p;

    while (w->p < w->end && *w->p >= '0' && *w->p <= '9')
        w->p++;
    return decimal_read(from, (size_t)(w->p - from), ENTRY_COUNT_MAX, out);
}

/* The salt is the end of every row. */
static bool take_salt(struct walk *w, uint8_t salt[SALT_SIZE])
{
    size_t len;

    if (!take(w, ",\"salt\":\"") || w->end - w->p < SALT_TEXT ||
        !base64url_read(w->p, SALT_TEXT, salt, SALT_SIZE, &len) || len != SALT_SIZE)
        return false;
    w->p += SALT_TEXT;
    return take(w, "\"}") && w->p == w->end;
}

static bool take_consents(struct walk *w, struct cleared_row *out)
{
    if (!take(w, "{\"consents\":["))
        return false;
    for (out->n_consents = 0; !take(w, "]"); out->n_consents++) {
        size_t n = out->n_consents;

        if (n == ITEM_CONTRIBUTORS_MAX || !take(w, n ? ",\"" : "\"") || !take_id(w, "cns", &out->consents[n]) ||
            !take(w, "\"") || (n && strcmp(out->consents[n - 1].text, out->consents[n].text) >= 0))
            return false;
    }
    return true;
}

bool cleared_row_read(const char *leaf, size_t len, struct cleared_row *out)
{
    struct walk w = { leaf, leaf + len };

    return take_consents(&w, out) && take(&w, ",\"item\":") && take_count(&w, &out->item) && take_salt(&w, out->salt);
}

static bool all_of(const char *p, size_t len, const char *alphabet)
{
    for (size_t i = 0; i < len; i++)
        if (!memchr(alphabet, p[i], strlen(alphabet)))
            return false;
    return true;
}

static bool take_amount(struct walk *w, char amount[MONEY_TEXT_SIZE])
{
    const char *end = memchr(w->p, '"', (size_t)(w->end - w->p));
    size_t len = end ? (size_t)(end - w->p) : 0;

    if (len == 0 || len >= MONEY_TEXT_SIZE || !all_of(w->p, len, "0123456789."))
        return false;
    memcpy(amount, w->p, len);
    amount[len] = '\0';
    w->p = end;
    return true;
}

bool line_row_read(const char *leaf, size_t len, struct line_row *out)
{
    struct walk w = { leaf, leaf + len };

    return take(&w, "{\"account\":\"") && take_id(&w, "acc", &out->account) && take(&w, "\",\"amount\":\"") &&
           take_amount(&w, out->amount) && take(&w, "\",\"n\":") && take_count(&w, &out->n) &&
           take_salt(&w, out->salt);
}

static bool take_hash(struct walk *w, struct hash *out)
{
    if (w->end - w->p < 2 * HASH_SIZE || !hex_read(w->p, 2 * HASH_SIZE, out->b, HASH_SIZE))
        return false;
    w->p += 2 * HASH_SIZE;
    return true;
}

bool erased_line_read(const char *text, size_t len, struct hash *leaf)
{
    struct walk w = { text, text + len };

    return take(&w, "{\"leaf\":\"") && take_hash(&w, leaf) && take(&w, "\"}") && w.p == w.end;
}

bool erased_held_read(const char *text, size_t len, struct erased_held *out)
{
    struct walk w = { text, text + len };

    return take(&w, "{\"commitment\":\"") && take_hash(&w, &out->commitment) && take(&w, "\",\"id\":\"") &&
           take_hash(&w, &out->id) && take(&w, "\",\"sum\":\"") && take_amount(&w, out->sum) && take(&w, "\"}") &&
           w.p == w.end;
}

void list_add_erased(struct frontier *tree, struct buf *leaf, const struct erased_row *row)
{
    leaf->len = 0;
    buf_str(leaf, "{\"fields\":[");
    for (size_t i = 0; i < row->n_fields; i++) {
        buf_str(leaf, i ? ",\"" : "\"");
        buf_str(leaf, row->fields[i]);
        buf_char(leaf, '"');
    }
    buf_str(leaf, "],\"index\":");
    buf_u64(leaf, row->index);
    buf_str(leaf, ",\"rows\":");
    buf_u64(leaf, row->rows);
    add_salt(leaf, row->salt);
    frontier_append(tree, leaf_hash(leaf->p, leaf->len));
}

/* A name of a private field: lowercase letters, digits, underscores. */
static bool take_name(struct walk *w, char out[ERASED_NAME_MAX + 1])
{
    size_t n = 0;

    for (; w->p < w->end && *w->p != '"'; w->p++) {
        if (n == ERASED_NAME_MAX || !((*w->p >= 'a' && *w->p <= 'z') || (*w->p >= '0' && *w->p <= '9') || *w->p == '_'))
            return false;
        out[n++] = *w->p;
    }
    out[n] = '\0';
    return n > 0;
}

static bool take_fields(struct walk *w, struct erased_row *out)
{
    if (!take(w, "{\"fields\":["))
        return false;
    for (out->n_fields = 0; !take(w, "]"); out->n_fields++) {
        size_t n = out->n_fields;

        if (n == ENTRY_FIELDS_MAX || !take(w, n ? ",\"" : "\"") || !take_name(w, out->fields[n]) || !take(w, "\"") ||
            (n && strcmp(out->fields[n - 1], out->fields[n]) >= 0))
            return false;
    }
    return true;
}

bool erased_row_read(const char *leaf, size_t len, struct erased_row *out)
{
    struct walk w = { leaf, leaf + len };

    return take_fields(&w, out) && take(&w, ",\"index\":") && take_count(&w, &out->index) &&
           take(&w, ",\"rows\":") && take_count(&w, &out->rows) && take_salt(&w, out->salt);
}

bool held_row_read(const char *leaf, size_t len, struct held_row *out)
{
    struct walk w = { leaf, leaf + len };

    return take(&w, "{\"account\":\"") && take_id(&w, "acc", &out->account) && take(&w, "\",\"balance\":\"") &&
           take_amount(&w, out->balance) && take(&w, "\",\"n\":") && take_count(&w, &out->n) &&
           take_salt(&w, out->salt);
}
