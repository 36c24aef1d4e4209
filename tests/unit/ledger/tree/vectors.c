/* SPDX-License-Identifier: Apache-2.0 */
#include <ftw.h>
#include <jansson.h>

#include "ledger/keys/sha256.h"
#include "ledger/tree/proof.h"
#include "tests/unit/tap.h"

/*
 * The published JSON cases for RFC 6962 proofs: a happy path and mutations of
 * it; `wantErr` says which must fail. Looked for in $COUNTERFOIL_VECTORS or
 * ../shared/vectors, and said to be skipped where absent.
 */
static int cases, accepted;

/*
 * A hash. Some cases have a word that is none: it stands for a hash that is
 * nothing else's, which keeps equal equal. An absent one cannot be said: false.
 */
static bool hash_of(const json_t *text, struct hash *out)
{
    const char *coded = json_string_value(text);
    uint8_t bytes[256];
    size_t len;

    if (!coded || !base64_read(coded, strlen(coded), bytes, sizeof bytes, &len))
        return false;
    if (len == HASH_SIZE)
        memcpy(out->b, bytes, HASH_SIZE);
    else
        *out = sha256_of(bytes, len);
    return len > 0;
}

static bool proof_of(const json_t *list, struct proof *out)
{
    out->n = 0;
    if (json_array_size(list) > PROOF_HASHES_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!hash_of(json_array_get(list, i), &out->hash[out->n++]))
            return false;
    return true;
}

/* Read as a real, because -1 as an unsigned number is more than jansson's integers hold. */
static uint64_t number_of(const json_t *c, const char *name)
{
    double v = json_real_value(json_object_get(c, name));

    return v < 9e18 ? (uint64_t)v : UINT64_MAX;
}

static bool verdict(const json_t *c, bool *exempt)
{
    struct hash empty = empty_root(), a, b;
    struct proof p;
    uint64_t size1, size2;

    if (!proof_of(json_object_get(c, "proof"), &p))
        return false;
    if (json_object_get(c, "leafIdx")) {
        size1 = number_of(c, "leafIdx");
        size2 = number_of(c, "treeSize");
        return hash_of(json_object_get(c, "leafHash"), &a) && hash_of(json_object_get(c, "root"), &b) &&
               proof_check_inclusion(size1, size2, &a, &b, &p);
    }
    size1 = number_of(c, "size1");
    size2 = number_of(c, "size2");
    if (!hash_of(json_object_get(c, "root1"), &a) || !hash_of(json_object_get(c, "root2"), &b))
        return false;
    /* RFC 9162 has no proof from size 0; tlog-witness has, the empty one, and so have we. */
    *exempt = size1 == 0 && size2 > 0 && p.n == 0 && hash_equal(&a, &empty);
    return proof_check_consistency(size1, &a, size2, &b, &p);
}

static int visit(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    size_t len = strlen(path);
    bool got, want, exempt = false;
    json_t *c;

    (void)st;
    (void)ftw;
    if (kind != FTW_F || len < 5 || strcmp(path + len - 5, ".json") != 0)
        return 0;
    c = json_load_file(path, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
    if (!c)
        return ok(false, "%s is JSON", path), 0;
    want = !json_is_true(json_object_get(c, "wantErr"));
    got = verdict(c, &exempt);
    ok(got == (want || exempt), "%s", path);
    json_decref(c);
    cases++;
    accepted += got;
    return 0;
}

int main(void)
{
    static const char *const folders[] = { "inclusion", "consistency" };
    const char *root = getenv("COUNTERFOIL_VECTORS");
    char path[1024];

    if (!root || !*root)
        root = "../shared/vectors";
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        cases = accepted = 0;
        snprintf(path, sizeof path, "%s/merkle/%s", root, folders[i]);
        if (nftw(path, visit, 16, FTW_PHYS) != 0 || cases == 0)
            skip(1, "no published vectors at %s", path);
        else
            ok(cases >= 90 && accepted >= 5, "%d cases of %s, %d accepted", cases, folders[i], accepted);
    }
    return done_testing();
}
