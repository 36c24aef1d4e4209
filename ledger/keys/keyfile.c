/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/keys/secret.h"
#include "schema/base/limits.h"

#define PLAIN_WORD  "counterfoil-key-v1"
#define SEALED_WORD "counterfoil-sealed-key-v1"
#define KEY_LINE_MAX 512
#define BOX_SIZE (crypto_secretbox_MACBYTES + ED25519_SEED)
#define WORDS_MAX 7

/* One line of a key file, split at its single spaces. The line is wiped by key_line_wipe(). */
struct key_line { char text[KEY_LINE_MAX]; char *word[WORDS_MAX]; size_t words; };

static void key_line_wipe(struct key_line *line)
{
    sodium_memzero(line, sizeof *line);
}

static err write_all(struct scope *s, int fd, const char *path, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(s, ERR_IO, "%s: cannot write: %s", path, strerror(errno));
        text += n;
        len -= (size_t)n;
    }
    if (fsync(fd) != 0)
        return fail(s, ERR_IO, "%s: cannot sync: %s", path, strerror(errno));
    return ERR_OK;
}

static err folder_sync(struct scope *s, const char *path)
{
    char *folder = scope_strdup(s, path), *slash = strrchr(folder, '/');
    int fd, rc;

    if (slash)
        slash[slash == folder] = '\0';
    fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(s, ERR_IO, "%s: cannot open its folder: %s", path, strerror(errno));
    rc = fsync(fd);
    close(fd);
    if (rc != 0)
        return fail(s, ERR_IO, "%s: cannot sync its folder: %s", path, strerror(errno));
    return ERR_OK;
}

static err line_save(struct scope *s, const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    err e;

    if (fd < 0 && errno == EEXIST)
        return fail(s, ERR_CONFLICT, "%s is there already and is not overwritten", path);
    if (fd < 0)
        return fail(s, ERR_IO, "%s: %s", path, strerror(errno));
    e = write_all(s, fd, path, text, strlen(text));
    close(fd);
    if (e != ERR_OK) {
        unlink(path);       /* ours: O_EXCL made it */
        return e;
    }
    return folder_sync(s, path);
}

static err line_split(struct scope *s, const char *path, struct key_line *line, size_t len)
{
    char *p = line->text;

    if (len < 2 || p[len - 1] != '\n' || memchr(p, '\0', len) || memchr(p, '\n', len) != p + len - 1)
        return fail(s, ERR_CONFIG, "%s is not a key file: it must be one line", path);
    p[len - 1] = '\0';
    for (line->words = 0; p; line->words++) {
        if (line->words == WORDS_MAX)
            return fail(s, ERR_CONFIG, "%s is not a key file: too many words", path);
        line->word[line->words] = p;
        p = strchr(p, ' ');
        if (p)
            *p++ = '\0';
    }
    return ERR_OK;
}

static err line_load(struct scope *s, const char *path, struct key_line *line)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    ssize_t n;

    if (fd < 0)
        return fail(s, ERR_CONFIG, "%s: %s", path, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
        close(fd);
        return fail(s, ERR_CONFIG, "%s must be a file that only its owner can read: chmod 600 it", path);
    }
    do
        n = read(fd, line->text, sizeof line->text);
    while (n < 0 && errno == EINTR);
    close(fd);
    if (n <= 0 || n != st.st_size)
        return fail(s, ERR_CONFIG, "%s is empty, too long or cannot be read", path);
    return line_split(s, path, line, (size_t)n);
}

static bool base64_exact(const char *text, uint8_t *out, size_t want)
{
    size_t len;

    return base64_read(text, strlen(text), out, want, &len) && len == want;
}

err key_file_save(struct scope *s, const char *path, const struct secret_key *k)
{
    uint8_t seed[ED25519_SEED];
    char coded[BASE64_SIZE(ED25519_SEED)], text[KEY_LINE_MAX];
    err e;

    secret_key_seed(k, seed);
    base64_write(seed, sizeof seed, coded);
    snprintf(text, sizeof text, PLAIN_WORD " ed25519 %s\n", coded);
    e = line_save(s, path, text);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(coded, sizeof coded);
    sodium_memzero(text, sizeof text);
    return e;
}

err key_file_load(struct scope *s, const char *path, struct secret_key **out)
{
    struct key_line line;
    uint8_t seed[ED25519_SEED];
    err e = line_load(s, path, &line);

    if (e == ERR_OK && (line.words != 3 || strcmp(line.word[0], PLAIN_WORD) != 0 ||
                        strcmp(line.word[1], "ed25519") != 0 || !base64_exact(line.word[2], seed, sizeof seed)))
        e = fail(s, ERR_CONFIG, "%s is not a " PLAIN_WORD " file", path);
    if (e == ERR_OK)
        *out = secret_key_from_seed(seed);
    sodium_memzero(seed, sizeof seed);
    key_line_wipe(&line);
    return e;
}

static err box_key(struct scope *s, const char *passphrase, const uint8_t *salt, uint64_t ops, uint64_t mem,
                   uint8_t out[crypto_secretbox_KEYBYTES])
{
    if (crypto_pwhash(out, crypto_secretbox_KEYBYTES, passphrase, strlen(passphrase), salt, ops, (size_t)mem,
                      crypto_pwhash_ALG_ARGON2ID13) != 0)
        return fail(s, ERR_IO, "not enough memory for Argon2id (%llu bytes)", (unsigned long long)mem);
    return ERR_OK;
}

err key_file_save_sealed(struct scope *s, const char *path, const struct secret_key *k, const char *passphrase)
{
    uint8_t salt[crypto_pwhash_SALTBYTES], nonce[crypto_secretbox_NONCEBYTES];
    uint8_t seed[ED25519_SEED], key[crypto_secretbox_KEYBYTES], box[BOX_SIZE];
    char salt64[BASE64_SIZE(sizeof salt)], nonce64[BASE64_SIZE(sizeof nonce)], box64[BASE64_SIZE(sizeof box)];
    char text[KEY_LINE_MAX];

    randombytes_buf(salt, sizeof salt);
    randombytes_buf(nonce, sizeof nonce);
    TRY(box_key(s, passphrase, salt, KEY_OPSLIMIT, KEY_MEMLIMIT, key));
    secret_key_seed(k, seed);
    crypto_secretbox_easy(box, seed, sizeof seed, nonce, key);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(key, sizeof key);
    base64_write(salt, sizeof salt, salt64);
    base64_write(nonce, sizeof nonce, nonce64);
    base64_write(box, sizeof box, box64);
    snprintf(text, sizeof text, SEALED_WORD " argon2id %d %d %s %s %s\n", KEY_OPSLIMIT, KEY_MEMLIMIT, salt64, nonce64,
             box64);
    return line_save(s, path, text);
}

err key_file_load_sealed(struct scope *s, const char *path, const char *passphrase, struct secret_key **out)
{
    uint8_t salt[crypto_pwhash_SALTBYTES], nonce[crypto_secretbox_NONCEBYTES], box[BOX_SIZE];
    uint8_t seed[ED25519_SEED], key[crypto_secretbox_KEYBYTES];
    struct key_line line;
    uint64_t ops, mem;
    int rc;

    TRY(line_load(s, path, &line));
    if (line.words != WORDS_MAX || strcmp(line.word[0], SEALED_WORD) != 0 || strcmp(line.word[1], "argon2id") != 0 ||
        !decimal_read(line.word[2], strlen(line.word[2]), KEY_OPSLIMIT_MAX, &ops) || ops < crypto_pwhash_OPSLIMIT_MIN ||
        !decimal_read(line.word[3], strlen(line.word[3]), KEY_MEMLIMIT_MAX, &mem) || mem < crypto_pwhash_MEMLIMIT_MIN ||
        !base64_exact(line.word[4], salt, sizeof salt) || !base64_exact(line.word[5], nonce, sizeof nonce) ||
        !base64_exact(line.word[6], box, sizeof box))
        return fail(s, ERR_CONFIG, "%s is not a " SEALED_WORD " file", path);
    TRY(box_key(s, passphrase, salt, ops, mem, key));
    rc = crypto_secretbox_open_easy(seed, box, sizeof box, nonce, key);
    sodium_memzero(key, sizeof key);
    if (rc != 0)
        return fail(s, ERR_CONFIG, "%s does not open with this passphrase", path);
    *out = secret_key_from_seed(seed);
    sodium_memzero(seed, sizeof seed);
    return ERR_OK;
}
