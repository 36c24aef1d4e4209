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

/* Every cut and every changed byte of what can be read; a good text in another form than its own is refused. */
static void only_its_form(const char *what, const char *good, bool (*reads)(const char *text, size_t len))
{
    size_t len = strlen(good), wrong = 0;
    char *copy = malloc(len + 2);

    if (!copy)
        abort();
    for (size_t i = 0; i < len; i++) {
        char *cut = malloc(i + !i);                    /* as long as it is: reading on is seen */
        if (!cut)
            abort();
        memcpy(cut, good, i);
        wrong += reads(cut, i);
        free(cut);
        memcpy(copy, good, len);
        copy[i] = '~';
        wrong += reads(copy, len);
    }
    snprintf(copy, len + 2, "%s ", good);
    wrong += reads(copy, len + 1);
    ok(reads(good, len) && wrong == 0, "%s: read in its one form, and cut, longer or changed never", what);
    free(copy);
}

static bool reads_row(const char *text, size_t len)
{
    struct erased_row row;

    return erased_row_read(text, len, &row);
}

static bool reads_line(const char *text, size_t len)
{
    struct hash leaf;

    return erased_line_read(text, len, &leaf);
}

static bool reads_held(const char *text, size_t len)
{
    struct erased_held held;

    return erased_held_read(text, len, &held);
}

#define SALT_5 ",\"salt\":\"BQUFBQUFBQUFBQUFBQUFBQ\"}"
#define HEX_A  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
static void test_erased(struct scope *s)
{
    static const char *const bad_rows[] = {
        "{\"fields\":[\"buyer\",\"amount\"],\"index\":7,\"rows\":2" SALT_5,       /* not sorted */
        "{\"fields\":[\"amount\",\"amount\"],\"index\":7,\"rows\":2" SALT_5,      /* twice */
        "{\"fields\":[\"\"],\"index\":7,\"rows\":2" SALT_5,
        "{\"fields\":[\"Amount\"],\"index\":7,\"rows\":2" SALT_5,
        "{\"fields\":[\"a2345678901234567890123456789012\"],\"index\":7,\"rows\":2" SALT_5,      /* 32 bytes */
        "{\"fields\":[\"amount\",],\"index\":7,\"rows\":2" SALT_5,
        "{\"fields\":[],\"index\":07,\"rows\":2" SALT_5,
        "{\"fields\":[],\"index\":-7,\"rows\":2" SALT_5,
        "{\"fields\":[],\"index\":7,\"rows\":9007199254740992" SALT_5,
        "{\"fields\":[],\"index\":7,\"rows\":2,\"salt\":\"BQUFBQUFBQUFBQUFBQUFBR\"}",       /* bits beyond its end */
    };
    struct erased_row row = { .index = 7, .rows = 2, .n_fields = 2, .fields = { "amount", "buyer" } }, back;
    struct frontier tree = FRONTIER_EMPTY;
    struct buf leaf = BUF(s), many = BUF(s);
    struct erased_held held;
    struct hash h;

    memset(row.salt, 5, sizeof row.salt);
    list_add_erased(&tree, &leaf, &row);
    is_str(scope_strndup(s, leaf.p, leaf.len), "{\"fields\":[\"amount\",\"buyer\"],\"index\":7,\"rows\":2" SALT_5,
           "an erased entry's row");
    ok(erased_row_read(leaf.p, leaf.len, &back) && back.index == 7 && back.rows == 2 && back.n_fields == 2 &&
       strcmp(back.fields[1], "buyer") == 0 && memcmp(back.salt, row.salt, SALT_SIZE) == 0, "is read back");
    only_its_form("an erased entry's row", "{\"fields\":[\"amount\",\"buyer\"],\"index\":7,\"rows\":2" SALT_5,
                  reads_row);
    for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++)
        ok(!reads_row(bad_rows[i], strlen(bad_rows[i])), "no row: %s", bad_rows[i]);
    buf_str(&many, "{\"fields\":[");
    for (int i = 0; i <= ENTRY_FIELDS_MAX; i++)
        buf_printf(&many, "%s\"f%02d\"", i ? "," : "", i);
    buf_str(&many, "],\"index\":7,\"rows\":2" SALT_5);
    ok(!reads_row(many.p, many.len), "nor one of more fields than an entry has");

    ok(erased_line_read("{\"leaf\":\"" HEX_A "\"}", 75, &h) && h.b[31] == 0xaa, "an erased line is its leaf's hash");
    only_its_form("an erased line", "{\"leaf\":\"" HEX_A "\"}", reads_line);
    ok(!reads_line("{\"leaf\":\"A" HEX_A "\"}", 76) && !reads_line("{\"leaf\":\"\"}", 11), "of 64 digits");
    ok(erased_held_read("{\"commitment\":\"" HEX_A "\",\"id\":\"" HEX_A "\",\"sum\":\"12.505\"}", 168, &held) &&
       held.commitment.b[0] == 0xaa && held.id.b[31] == 0xaa && strcmp(held.sum, "12.505") == 0,
       "an erased leaf of a snapshot is what its node is made of");
    only_its_form("an erased leaf of a snapshot",
                  "{\"commitment\":\"" HEX_A "\",\"id\":\"" HEX_A "\",\"sum\":\"12.505\"}", reads_held);
    ok(!reads_held("{\"commitment\":\"" HEX_A "\",\"id\":\"" HEX_A "\",\"sum\":\"\"}", 162), "with a sum");
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
    test_erased(&s);
    test_commit_id();
    test_rows(&s);
    test_paths();
    scope_free(&s);
    return done_testing();
}
