/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/keys/sign.h"
#include "tests/unit/tap.h"

static char folder[] = P_tmpdir "/counterfoil-keyfile-XXXXXX";

static char *path_of(struct scope *s, const char *name)
{
    return scope_printf(s, "%s/%s", folder, name);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");

    if (!f)
        abort();
    fputs(text, f);
    fclose(f);
    chmod(path, mode);
}

static void test_plain(struct scope *s)
{
    static const uint8_t seed[ED25519_SEED] = { 0, 1, 2, 3 };
    struct secret_key *k = secret_key_from_seed(seed), *back = NULL;
    struct public_key a = secret_key_public(k), b;
    char *path = path_of(s, "plain"), line[128] = "";
    struct stat st;
    FILE *f;

    is_int(key_file_save(s, path, k), ERR_OK, "a key is saved");
    ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "for its owner only");
    f = fopen(path, "r");
    ok(f && fgets(line, sizeof line, f), "and can be read");
    if (f)
        fclose(f);
    is_str(line, "counterfoil-key-v1 ed25519 AAECAwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "as one line");
    is_int(key_file_save(s, path, k), ERR_CONFLICT, "never overwritten");
    scope_forgive(s);
    is_int(key_file_load(s, path, &back), ERR_OK, "loaded");
    b = secret_key_public(back);
    ok(memcmp(a.b, b.b, sizeof a.b) == 0, "the same key");
    chmod(path, 0640);
    is_int(key_file_load(s, path, &back), ERR_CONFIG, "refused when a group can read it");
    scope_forgive(s);
    unlink(path);
    is_int(key_file_load(s, path, &back), ERR_CONFIG, "loading never creates");
    scope_forgive(s);
    ok(access(path, F_OK) != 0, "no file appeared");
    secret_key_free(k);
    secret_key_free(back);
}

static void test_malformed(struct scope *s)
{
    static const char *const bad[] = {
        "", "\n", "counterfoil-key-v1 ed25519 AAECAwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "counterfoil-key-v1 ed25519 AAECAwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
        "counterfoil-key-v1 ed25519 AAECAwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n",
        "counterfoil-key-v1  ed25519 AAECAwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "counterfoil-key-v1 ed25519 AAECAwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= x\n",
        "counterfoil-key-v2 ed25519 AAECAwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "counterfoil-key-v1 ed448 AAECAwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
    };
    struct secret_key *k;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char *path = path_of(s, "bad");
        write_file(path, bad[i], 0600);
        ok(key_file_load(s, path, &k) == ERR_CONFIG, "refuses malformed file %zu", i);
        scope_forgive(s);
        unlink(path);
    }
    is_int(key_file_load(s, folder, &k), ERR_CONFIG, "a folder is no key file");
    scope_forgive(s);
}

static void test_sealed(struct scope *s)
{
    struct secret_key *k = secret_key_new(), *back = NULL;
    struct public_key a = secret_key_public(k), b;
    char *path = path_of(s, "sealed");
    struct stat st;

    is_int(key_file_save_sealed(s, path, k, "correct horse"), ERR_OK, "a key is sealed");
    ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "for its owner only");
    is_int(key_file_save_sealed(s, path, k, "x"), ERR_CONFLICT, "never overwritten");
    scope_forgive(s);
    is_int(key_file_load_sealed(s, path, "correct horse", &back), ERR_OK, "it opens with its passphrase");
    b = secret_key_public(back);
    ok(memcmp(a.b, b.b, sizeof a.b) == 0, "the same key");
    secret_key_free(back);
    is_int(key_file_load_sealed(s, path, "battery staple", &back), ERR_CONFIG, "and with no other");
    scope_forgive(s);
    is_int(key_file_load(s, path, &back), ERR_CONFIG, "it is no plain key file");
    scope_forgive(s);
    unlink(path);
    write_file(path, "counterfoil-sealed-key-v1 argon2id 3 99999999999 AAAAAAAAAAAAAAAAAAAAAA== "
               "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA "
               "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 0600);
    is_int(key_file_load_sealed(s, path, "x", &back), ERR_CONFIG, "a file cannot ask for all memory");
    scope_forgive(s);
    unlink(path);
    secret_key_free(k);
}

int main(void)
{
    struct scope s;

    keys_init();
    scope_init(&s, 0);
    if (!mkdtemp(folder))
        return 1;
    test_plain(&s);
    test_malformed(&s);
    test_sealed(&s);
    rmdir(folder);
    scope_free(&s);
    return done_testing();
}
