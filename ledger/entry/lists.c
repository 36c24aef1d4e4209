/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/entry/lists.h"

#include <assert.h>
#include <string.h>

#include "ledger/entry/entry.h"
#include "ledger/keys/sha256.h"
#include "schema/json/canon.h"

static void add_hash(struct buf *b, const struct hash *h)
{
    char hex[HEX_SIZE(HASH_SIZE)];

    hex_write(h->b, HASH_SIZE, hex);
    buf_char(b, '"');
    buf_add(b, hex, 2 * HASH_SIZE);
    buf_char(b, '"');
}

void list_add_item(struct frontier *tree, struct buf *leaf, const char *path, size_t path_len,
                   const struct hash *sha256, uint64_t size)
{
    leaf->len = 0;
    buf_str(leaf, "{\"path\":");
    canon_string(leaf, path, path_len);
    buf_str(leaf, ",\"sha256\":");
    add_hash(leaf, sha256);
    buf_str(leaf, ",\"size\":");
    buf_u64(leaf, size);
    buf_char(leaf, '}');
    frontier_append(tree, leaf_hash(leaf->p, leaf->len));
}

void list_add_details(struct frontier *tree, struct buf *leaf, const struct item_details *d)
{
    char salt[BASE64_SIZE(SALT_SIZE)];

    base64url_write(d->salt, SALT_SIZE, salt);
    leaf->len = 0;
    buf_str(leaf, "{\"attributes\":");
    buf_add(leaf, d->attributes.p, d->attributes.len);
    buf_str(leaf, ",\"contributors\":");
    buf_add(leaf, d->contributors.p, d->contributors.len);
    buf_str(leaf, ",\"media_type\":");
    canon_string(leaf, d->media_type, strlen(d->media_type));
    buf_str(leaf, ",\"path\":");
    canon_string(leaf, d->path, d->path_len);
    buf_str(leaf, ",\"salt\":\"");
    buf_str(leaf, salt);
    buf_str(leaf, "\"}");
    frontier_append(tree, leaf_hash(leaf->p, leaf->len));
}

void list_add_result(struct frontier *tree, struct buf *leaf, const char *result, const struct hash *sha256)
{
    assert(code_known(&verification_codes, result));
    leaf->len = 0;
    buf_str(leaf, "{\"result\":\"");
    buf_str(leaf, result);
    buf_str(leaf, "\",\"sha256\":");
    add_hash(leaf, sha256);
    buf_char(leaf, '}');
    frontier_append(tree, leaf_hash(leaf->p, leaf->len));
}

void version_commit_id(const struct hash *root, const struct hash *details_root, char out[COMMIT_ID_SIZE])
{
    struct sha256 c;
    struct hash h;

    sha256_init(&c);
    sha256_add(&c, root->b, HASH_SIZE);
    sha256_add(&c, details_root->b, HASH_SIZE);
    h = sha256_end(&c);
    hex_write(h.b, (COMMIT_ID_SIZE - 1) / 2, out);
}

static bool segment_valid(const char *p, size_t len)
{
    return len > 0 && !(len == 1 && p[0] == '.') && !(len == 2 && p[0] == '.' && p[1] == '.');
}

bool item_path_valid(const char *path, size_t len)
{
    size_t start = 0;

    if (len == 0 || len > ITEM_PATH_MAX || memchr(path, '\0', len) || !utf8_valid(path, len))
        return false;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && path[i] != '/')
            continue;
        if (!segment_valid(path + start, i - start))
            return false;
        start = i + 1;
    }
    return true;
}
