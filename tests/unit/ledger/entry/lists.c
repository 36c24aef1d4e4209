/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "tests/unit/tap.h"

#include "ledger/entry/entry.h"
#include "ledger/entry/lists.h"

/* Leaves hashed by a program in another language. */
static void test_leaves(struct scope *s)
{
    struct frontier f = FRONTIER_EMPTY;
    struct buf leaf = BUF(s);
    struct hash h, root;
    uint8_t salt[SALT_SIZE];
    struct item_details d = {
        .attributes = { (const uint8_t *)"{\"a\":1}", 7 }, .contributors = { (const uint8_t *)"[]", 2 },
        .media_type = "text/plain", .path = "x", .path_len = 1, .salt = salt,
    };

    memset(&h, 0x11, sizeof h);
    list_add_item(&f, &leaf, "a\"b\x01\xc3\xa9", 6, &h, 3);
    root = frontier_root(&f);
    is_hex(root.b, HASH_SIZE, "962c65ea27dab81b6f584f54b21c2371637237b2aac874f124045ba6c3487a56", "an item's leaf");

    f = FRONTIER_EMPTY;
    memset(salt, 5, sizeof salt);
    list_add_details(&f, &leaf, &d);
    root = frontier_root(&f);
    is_hex(root.b, HASH_SIZE, "000a4dd8a5e2014e2fe036c16b3e2adf3d274a7cca60be885a9e898cadb5efcd", "a leaf of details");

    f = FRONTIER_EMPTY;
    memset(&h, 0x22, sizeof h);
    list_add_result(&f, &leaf, "corrupt", &h);
    root = frontier_root(&f);
    is_hex(root.b, HASH_SIZE, "387b6daea52ff9df50d959962f04033bfd8d7396ec760f4aaf7a89dae06b0f71", "a result's leaf");
    is_str(leaf.p, "{\"result\":\"corrupt\",\"sha256\":\"22222222222222222222222222222222"
                   "22222222222222222222222222222222\"}",
           "whose bytes the buffer holds");
}

static void test_held(struct scope *s)
{
    struct held_row row = { .account = { "acc_01jdc5x9k2h3v8m4q7t0w6y1zr" }, .balance = "12.505", .n = 3 }, back;
    struct hash id = held_id(row.account.text, 12345), commitment;
    struct buf leaf = BUF(s);

    memset(row.salt, 5, sizeof row.salt);
    commitment = held_commitment(&leaf, &row);
    is_hex(id.b, HASH_SIZE, "85f201989c69f6cb84e19c2e39caa95b6eec3aa1a492036795c33980126e0279", "a salted id");
    is_hex(commitment.b, HASH_SIZE, "6d731d071541ecfdb8c2fac6843b8f4e69cc2efe980ffe8978120ab4b17f8356",
           "and a commitment");
    ok(held_row_read(leaf.p, leaf.len, &back) && strcmp(back.balance, "12.505") == 0 && back.n == 3 &&
       memcmp(back.salt, row.salt, SALT_SIZE) == 0 && strcmp(back.account.text, row.account.text) == 0,
       "an account's row is read back");
    for (size_t i = 0; i < leaf.len; i++)
        if (!ok(!held_row_read(leaf.p, i, &back), "not what is cut"))
            break;
}

static void test_commit_id(void)
{
    struct hash root, details;
    char id[COMMIT_ID_SIZE];

    memset(&root, 0x11, sizeof root);
    memset(&details, 0x22, sizeof details);
    version_commit_id(&root, &details, id);
    is_str(id, "5189c77d29fe5d546a045ec46986852785fea5c1", "a commit id");
}

static void test_paths(void)
{
    static const struct { const char *path; bool valid; } rows[] = {
        { "a", true }, { "a/b c/\"d\"\n.txt", true }, { "...", true }, { ".hidden", true }, { "a/..b", true },
            { "\xc3\xa9", true },
        { "", false }, { "/a", false }, { "a/", false }, { "a//b", false }, { ".", false }, { "..", false },
            { "a/../b", false },
        { "a/.", false }, { "\xff", false },
    };
    char longest[ITEM_PATH_MAX + 1];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ok(item_path_valid(rows[i].path, strlen(rows[i].path)) == rows[i].valid, "path row %zu", i);
    memset(longest, 'x', sizeof longest);
    ok(item_path_valid(longest, ITEM_PATH_MAX) && !item_path_valid(longest, ITEM_PATH_MAX + 1), "the longest path");
    ok(!item_path_valid("a\0b", 3), "no NUL");
}

static struct id id_of(const char *text, const char *prefix)
{
    struct id id;

    if (!id_parse(text, prefix, &id))
        abort();
    return id;
}

#define CNS_0 "cns_01jdc5x9k2h3v8m4q7t0w6y1z0"
#define CNS_1 "cns_01jdc5x9k2h3v8m4q7t0w6y1z1"
#define ACC_0 "acc_01jdc5x9k2h3v8m4q7t0w6y1z0"

/* What is written is read; any other byte is refused, or is another row that would be written just so. */
static void test_rows(struct scope *s)
{
    struct cleared_row row = { .item = 7, .n_consents = 2, .salt = { 5, 5 } }, got;
    struct line_row line = { .account = id_of(ACC_0, "acc"), .amount = "1.25", .n = 3, .salt = { 6 } }, seen;
    struct frontier f = FRONTIER_EMPTY, g = FRONTIER_EMPTY;
    struct buf leaf = BUF(s), other = BUF(s), again = BUF(s);
    size_t wrong = 0;

    row.consents[0] = id_of(CNS_0, "cns");
    row.consents[1] = id_of(CNS_1, "cns");
    list_add_cleared(&f, &leaf, &row);
    buf_char(&leaf, '\0');
    is_str(leaf.p, "{\"consents\":[\"" CNS_0 "\",\"" CNS_1 "\"],\"item\":7,\"salt\":\"BQUAAAAAAAAAAAAAAAAAAA\"}",
           "a cleared item");
    leaf.len--;
    ok(cleared_row_read(leaf.p, leaf.len, &got) && got.item == 7 && got.n_consents == 2 && got.salt[1] == 5 &&
       strcmp(got.consents[1].text, CNS_1) == 0, "comes back");
    ok(f.size == 1, "and is a leaf");
    list_add_line(&g, &other, &line);
    buf_char(&other, '\0');
    is_str(other.p, "{\"account\":\"" ACC_0 "\",\"amount\":\"1.25\",\"n\":3,\"salt\":\"BgAAAAAAAAAAAAAAAAAAAA\"}",
           "a line");
    other.len--;
    ok(line_row_read(other.p, other.len, &seen) && seen.n == 3 && strcmp(seen.amount, "1.25") == 0 &&
       strcmp(seen.account.text, ACC_0) == 0, "comes back");
    for (size_t i = 0; i < leaf.len; i++) {
        leaf.p[i] ^= 1;
        if (cleared_row_read(leaf.p, leaf.len, &got)) {
            list_add_cleared(&f, &again, &got);
            wrong += again.len != leaf.len || memcmp(again.p, leaf.p, leaf.len) != 0;
        }
        leaf.p[i] ^= 1;
        wrong += cleared_row_read(leaf.p, i, &got);
    }
    for (size_t i = 0; i < other.len; i++) {
        other.p[i] ^= 1;
        if (line_row_read(other.p, other.len, &seen)) {
            list_add_line(&f, &again, &seen);
            wrong += again.len != other.len || memcmp(again.p, other.p, other.len) != 0;
        }
        other.p[i] ^= 1;
        wrong += line_row_read(other.p, i, &seen);
    }
    is_int((int64_t)wrong, 0, "a row has one text");
    row.consents[0] = row.consents[1];
    list_add_cleared(&f, &leaf, &row);
    ok(!cleared_row_read(leaf.p, leaf.len, &got), "a consent is there once");
    row.n_consents = 0;
    list_add_cleared(&f, &leaf, &row);
    ok(cleared_row_read(leaf.p, leaf.len, &got) && got.n_consents == 0, "a publisher's own item rests on none");
}

int main(void)
{
    struct scope s;

    scope_init(&s, 0);
    test_leaves(&s);
    test_held(&s);
    test_commit_id();
    test_rows(&s);
    test_paths();
    scope_free(&s);
    return done_testing();
}
