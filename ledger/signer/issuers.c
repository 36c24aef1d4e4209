/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/issuers.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/signer/folder.h"

#define NEXT "issuer-next.key"

/* By the open folder, so that it is the one that is locked. */
static char *path_at(struct scope *s, int dir, const char *name)
{
    return scope_printf(s, "/proc/self/fd/%d/%s", dir, name);
}

static err key_load(struct scope *s, const struct note_key *log, const char *path, struct issuer *out)
{
    struct public_key public;
    bool named;

    TRY(key_file_load(s, path, &out->secret));
    public = secret_key_public(out->secret);
    named = note_key_make(scope_printf(s, "%s" ISSUER_SUFFIX, log->name), &public, &out->key);
    assert(named);
    return ERR_OK;
}

err issuers_make_next(struct scope *s, const char *dir, struct note_key *out)
{
    struct note_key log, issuer;
    struct slots slots;
    struct secret_key *secret;
    struct issuer made = { 0 };
    err e;

    TRY(vault_look(s, dir, &log, &issuer, &slots));
    secret = secret_key_new();
    e = key_file_save(s, scope_printf(s, "%s/" NEXT, dir), secret);
    secret_key_free(secret);
    if (e == ERR_CONFLICT)
        return fail(s, e, "%s/" NEXT " is there already: it is the key that the next change brings", dir);
    TRY(e);
    e = key_load(s, &log, scope_printf(s, "%s/" NEXT, dir), &made);
    secret_key_free(made.secret);
    *out = made.key;
    return e;
}

/* The index in "issuer-<index>.key". */
static bool name_index(const char *name, uint64_t *out)
{
    size_t len = strlen(name), head = strlen("issuer-"), tail = strlen(".key");

    return len > head + tail && strncmp(name, "issuer-", head) == 0 && strcmp(name + len - tail, ".key") == 0 &&
           decimal_read(name + head, len - head - tail, TREE_SIZE_MAX, out);
}

static int by_index(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Every index for which there is a key, sorted. */
static err indexes(struct scope *s, int dir, uint64_t out[SIGNER_ISSUERS_MAX], size_t *n)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    uint64_t index;

    *n = 0;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return fail(s, ERR_IO, "cannot list the folder: %s", strerror(errno));
    }
    while ((entry = readdir(d)) && *n < SIGNER_ISSUERS_MAX)
        if (name_index(entry->d_name, &index))
            out[(*n)++] = index;
    closedir(d);
    if (*n >= SIGNER_ISSUERS_MAX)
        return fail(s, ERR_TOO_LARGE, "the folder has more than %d keys of the issuer", SIGNER_ISSUERS_MAX - 1);
    qsort(out, *n, sizeof *out, by_index);
    return ERR_OK;
}

static char *name_of(struct scope *s, uint64_t index)
{
    return scope_printf(s, "issuer-%" PRIu64 ".key", index);
}

err issuers_load(struct scope *s, const char *dir, struct vault *v)
{
    uint64_t index[SIGNER_ISSUERS_MAX];
    size_t n;

    TRY(indexes(s, v->dir, index, &n));
    for (size_t i = 0; i < n; i++) {
        struct issuer *next = &v->issuers[v->n_issuers];

        *next = (struct issuer){ .since = index[i] };
        TRY(key_load(s, &v->log, scope_printf(s, "%s/%s", dir, name_of(s, index[i])), next));
        v->n_issuers++;
    }
    return ERR_OK;
}

static err next_load(struct scope *s, const struct vault *v, struct issuer *out)
{
    if (faccessat(v->dir, NEXT, F_OK, 0) != 0 && errno == ENOENT)
        return fail(s, ERR_NOT_FOUND, "no key lies ready: run `counterfoil-signer next-issuer`");
    return key_load(s, &v->log, path_at(s, v->dir, NEXT), out);
}

err issuers_next(struct scope *s, const struct vault *v, struct note_key *out)
{
    struct issuer next = { 0 };
    err e = next_load(s, v, &next);

    secret_key_free(next.secret);
    *out = next.key;
    return e;
}

err issuers_change(struct scope *s, struct vault *v, uint64_t since)
{
    struct issuer next = { .since = since };

    assert(since > v->issuers[v->n_issuers - 1].since);
    if (v->n_issuers == SIGNER_ISSUERS_MAX)
        return fail(s, ERR_TOO_LARGE, "the issuer has had %d keys: that is all this program keeps", SIGNER_ISSUERS_MAX);
    TRY(next_load(s, v, &next));
    if (renameat(v->dir, NEXT, v->dir, name_of(s, since)) != 0 || fsync(v->dir) != 0) {
        secret_key_free(next.secret);
        return fail(s, ERR_IO, "cannot rename " NEXT ": %s", strerror(errno));
    }
    v->issuers[v->n_issuers++] = next;
    return ERR_OK;
}

err issuers_adopt(struct scope *s, struct vault *v, uint64_t since, const struct note_key *key)
{
    const struct issuer *now = &v->issuers[v->n_issuers - 1];
    struct note_key next;

    if (since < now->since)
        return fail(s, ERR_INVALID, "the issuer's key of entry %" PRIu64 " is not the one in force: the folder has "
                    "that of entry %" PRIu64 "; show the newest that /v1/log/key names", since, now->since);
    if (since == now->since && memcmp(&now->key.key, &key->key, sizeof key->key) == 0)
        return ERR_OK;
    if (since > now->since && issuers_next(s, v, &next) == ERR_OK && memcmp(&next.key, &key->key, sizeof key->key) == 0)
        return issuers_change(s, v, since);
    scope_forgive(s);
    return fail(s, ERR_INVALID, "the folder lacks the issuer's key of entry %" PRIu64 ": it is a copy of before that. "
                "Use one that was made since then; if there is none, show `--issuer lost`, and bring another key by "
                "next-issuer and `counterfoil-schema issuer` at once", since);
}

const struct issuer *issuers_at(const struct issuer *issuers, size_t n, uint64_t index)
{
    const struct issuer *found = &issuers[0];

    for (size_t i = 1; i < n && issuers[i].since <= index; i++)
        found = &issuers[i];
    return found;
}

err issuers_files(struct scope *s, int dir, const char ***names, size_t *n)
{
    uint64_t index[SIGNER_ISSUERS_MAX];
    const char **out = NEWS(s, const char *, SIGNER_ISSUERS_MAX + 3);
    size_t later;

    *n = 0;
    out[(*n)++] = "log.key";
    out[(*n)++] = "issuer.key";
    if (faccessat(dir, NEXT, F_OK, 0) == 0)      /* before the others: what is renamed now is seen under one name */
        out[(*n)++] = NEXT;
    TRY(indexes(s, dir, index, &later));
    for (size_t i = 0; i < later; i++)
        out[(*n)++] = name_of(s, index[i]);
    *names = out;
    return ERR_OK;
}
