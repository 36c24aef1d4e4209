/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/vault.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/keys/sha256.h"
#include "ledger/note/signing.h"

#define LOG_HEAD "counterfoil-signer/v1\n"
#define LOG_FILE_MAX 1024
#define ISSUER_SUFFIX "/issuer"

static char *path_in(struct scope *s, const char *dir, const char *name)
{
    return scope_printf(s, "%s/%s", dir, name);
}

/* ---- files ---- */

static err file_make(struct scope *s, int dir, const char *name, const void *bytes, size_t len)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool good;

    if (fd < 0)
        return fail(s, ERR_IO, "cannot make %s: %s", name, strerror(errno));
    good = write(fd, bytes, len) == (ssize_t)len && fsync(fd) == 0;
    close(fd);
    if (!good)
        return fail(s, ERR_IO, "cannot write %s: %s", name, strerror(errno));
    return ERR_OK;
}

/* A whole file of at most `max` bytes. */
static err file_read(struct scope *s, int dir, const char *path, size_t max, struct bytes *out)
{
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    uint8_t *bytes = scope_alloc(s, max + 1, 1);
    size_t len = 0;
    ssize_t n = 0;

    if (fd < 0)
        return fail(s, ERR_CONFIG, "cannot open %s: %s", path, strerror(errno));
    while (len <= max && ((n = read(fd, bytes + len, max + 1 - len)) > 0 || (n < 0 && errno == EINTR)))
        len += n > 0 ? (size_t)n : 0;
    close(fd);
    if (n < 0 || len > max)
        return fail(s, ERR_CONFIG, "cannot read %s: %s", path, n < 0 ? strerror(errno) : "it is too long");
    *out = (struct bytes){ .p = bytes, .len = len };
    return ERR_OK;
}

/* ---- init ---- */

static err folder_is_empty(struct scope *s, const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    int others = 0;

    if (!d)
        return fail(s, ERR_IO, "cannot list %s: %s", dir, strerror(errno));
    while ((entry = readdir(d)))
        others += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(d);
    if (others)
        return fail(s, ERR_CONFLICT, "%s is not empty: init makes a log once and overwrites nothing", dir);
    return ERR_OK;
}

static err folder_open(struct scope *s, const char *dir, int *out)
{
    struct stat st;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return fail(s, ERR_CONFIG, "cannot open %s: %s", dir, strerror(errno));
    if (fstat(fd, &st) != 0 || (st.st_mode & 022) != 0) {
        close(fd);
        return fail(s, ERR_CONFIG, "others can write to %s: chmod 700 it", dir);
    }
    *out = fd;
    return ERR_OK;
}

static err folder_lock(struct scope *s, const char *dir, int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    if (errno == EWOULDBLOCK)
        return fail(s, ERR_CONFLICT, "another signer holds %s", dir);
    return fail(s, ERR_IO, "cannot lock %s: %s", dir, strerror(errno));
}

/* The folder's files, and its own name in the folder above. */
static err folder_sync(struct scope *s, const char *dir, int fd)
{
    int above = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = above >= 0 && fsync(fd) == 0 && fsync(above) == 0;

    if (above >= 0)
        close(above);
    return good ? ERR_OK : fail(s, ERR_IO, "cannot sync %s: %s", dir, strerror(errno));
}

static err origin_check(struct scope *s, const char *origin)
{
    if (strlen(origin) > NOTE_NAME_MAX - strlen(ISSUER_SUFFIX) || !note_name_valid(origin))
        return fail(s, ERR_CONFIG, "'%s' cannot be an origin: no spaces, no '+', at most %zu bytes", origin,
                    NOTE_NAME_MAX - strlen(ISSUER_SUFFIX));
    return ERR_OK;
}

static err keys_make(struct scope *s, const char *dir, const char *origin, struct note_key *log,
                     struct note_key *issuer)
{
    static const char *const files[] = { "log.key", "issuer.key" };
    struct note_key *const keys[] = { log, issuer };
    const char *const names[] = { origin, scope_printf(s, "%s" ISSUER_SUFFIX, origin) };

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct secret_key *secret = secret_key_new();
        struct public_key public = secret_key_public(secret);
        bool named = note_key_make(names[i], &public, keys[i]);
        err e = key_file_save(s, path_in(s, dir, files[i]), secret);
        secret_key_free(secret);
        assert(named);
        TRY(e);
    }
    return ERR_OK;
}

/* State 0 in both slots, then the file that says that all is there. */
static err init_files(struct scope *s, const char *dir, int fd, const char *origin)
{
    struct signer_state zero = { .root = empty_root() };
    struct note_key log, issuer;
    struct hash id;
    uint8_t state[STATE_FILE_SIZE] = { 0 };
    char *vkey, *text;

    TRY(keys_make(s, dir, origin, &log, &issuer));
    vkey = note_key_text(s, &log);
    id = sha256_of(vkey, strlen(vkey));
    slot_pack(&zero, &id, state);
    zero.sequence = 1;
    slot_pack(&zero, &id, state + SLOT_STRIDE);
    TRY(file_make(s, fd, "state", state, sizeof state));
    TRY(folder_sync(s, dir, fd));
    text = scope_printf(s, LOG_HEAD "log %s\nissuer %s\n", vkey, note_key_text(s, &issuer));
    TRY(file_make(s, fd, "log", text, strlen(text)));
    return folder_sync(s, dir, fd);
}

err vault_init(struct scope *s, const char *dir, const char *origin)
{
    int fd;
    err e;

    TRY(origin_check(s, origin));
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fail(s, ERR_CONFIG, "cannot make %s: %s", dir, strerror(errno));
    TRY(folder_open(s, dir, &fd));
    e = folder_lock(s, dir, fd);
    if (e == ERR_OK)
        e = folder_is_empty(s, dir);
    if (e == ERR_OK)
        e = init_files(s, dir, fd, origin);
    close(fd);
    return e;
}

/* ---- open ---- */

/* Takes "<name> <vkey>\n". */
static bool take_vkey(struct scope *s, const char **p, const char *name, struct note_key *out)
{
    size_t n = strlen(name), len = strcspn(*p, "\n");

    if (strncmp(*p, name, n) != 0 || (*p)[len] != '\n' || !note_key_parse(scope_strndup(s, *p + n, len - n), out))
        return false;
    *p += len + 1;
    return true;
}

static err log_file_load(struct scope *s, const char *dir, int fd, struct note_key *log, struct note_key *issuer)
{
    struct bytes text;
    const char *p;

    if (faccessat(fd, "log", F_OK, 0) != 0)
        return fail(s, ERR_CONFIG, "%s holds no log: run init; if an init broke off here, nothing was signed yet, "
                    "remove the folder first", dir);
    TRY(file_read(s, fd, "log", LOG_FILE_MAX, &text));
    p = scope_strndup(s, (const char *)text.p, text.len);
    if (strlen(p) != text.len || strncmp(p, LOG_HEAD, strlen(LOG_HEAD)) != 0)
        return fail(s, ERR_CORRUPT, "%s/log is damaged: restore it from the backup", dir);
    p += strlen(LOG_HEAD);
    if (!take_vkey(s, &p, "log ", log) || !take_vkey(s, &p, "issuer ", issuer) || *p)
        return fail(s, ERR_CORRUPT, "%s/log is damaged: restore it from the backup", dir);
    return ERR_OK;
}

static err secret_load(struct scope *s, const char *path, const struct note_key *want, struct secret_key **out)
{
    struct public_key public;

    TRY(key_file_load(s, path, out));
    public = secret_key_public(*out);
    if (memcmp(public.b, want->key.b, sizeof public.b) != 0)
        return fail(s, ERR_CORRUPT, "%s is not the key of %s", path, want->name);
    return ERR_OK;
}

static err shown_load(struct scope *s, const struct vault *v, const struct vault_shown *paths, struct shown *out)
{
    struct bytes note, proof;

    TRY(file_read(s, AT_FDCWD, paths->checkpoint_path, NOTE_BYTES_MAX, &note));
    TRY(checkpoint_open(s, (const char *)note.p, note.len, &v->log, &out->checkpoint));
    out->proof.n = 0;
    if (!paths->proof_path)
        return ERR_OK;
    TRY(file_read(s, AT_FDCWD, paths->proof_path, SIGNER_PROOF_FILE_MAX, &proof));
    if (!proof_lines_parse((const char *)proof.p, proof.len, &out->proof))
        return fail(s, ERR_CONFIG, "%s is not lines of base64 hashes", paths->proof_path);
    return ERR_OK;
}

/*
 * What was read may have been in the page cache only (a sync that failed in
 * the life before): written again and synced before anything is signed.
 */
static err state_load(struct scope *s, struct vault *v, const struct vault_shown *paths)
{
    struct slots slots;
    struct shown shown;

    v->state = openat(v->dir, "state", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (v->state < 0)
        return fail(s, ERR_CORRUPT, "cannot open the state: %s", strerror(errno));
    TRY(slots_read(s, v->state, &v->id, &slots));
    if (paths->checkpoint_path)
        TRY(shown_load(s, v, paths, &shown));
    TRY(state_settle(s, &slots, paths->checkpoint_path ? &shown : NULL, &v->last));
    TRY(state_store(s, v->state, &v->id, &v->last, v->last));
    return ERR_OK;
}

static err vault_load(struct scope *s, const char *dir, const struct vault_shown *shown, struct vault *v)
{
    char *vkey;

    TRY(folder_open(s, dir, &v->dir));
    TRY(folder_lock(s, dir, v->dir));
    TRY(log_file_load(s, dir, v->dir, &v->log, &v->issuer));
    vkey = note_key_text(s, &v->log);
    v->id = sha256_of(vkey, strlen(vkey));
    TRY(secret_load(s, path_in(s, dir, "log.key"), &v->log, &v->log_secret));
    TRY(secret_load(s, path_in(s, dir, "issuer.key"), &v->issuer, &v->issuer_secret));
    return state_load(s, v, shown);
}

err vault_open(struct scope *s, const char *dir, const struct vault_shown *shown, struct vault *out)
{
    err e;

    *out = (struct vault){ .dir = -1, .state = -1 };
    e = vault_load(s, dir, shown, out);
    if (e != ERR_OK)
        vault_close(out);
    return e;
}

void vault_close(struct vault *v)
{
    if (v->state >= 0)
        close(v->state);
    if (v->dir >= 0)
        close(v->dir);      /* and with it the lock */
    secret_key_free(v->log_secret);
    secret_key_free(v->issuer_secret);
    *v = (struct vault){ .dir = -1, .state = -1 };
}

err vault_look(struct scope *s, const char *dir, struct note_key *log, struct note_key *issuer, struct slots *slots)
{
    struct hash id;
    char *vkey;
    int fd, state;
    err e;

    TRY(folder_open(s, dir, &fd));
    e = log_file_load(s, dir, fd, log, issuer);
    state = openat(fd, "state", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (e == ERR_OK && state < 0)
        e = fail(s, ERR_CORRUPT, "cannot open the state: %s", strerror(errno));
    if (e == ERR_OK) {
        vkey = note_key_text(s, log);
        id = sha256_of(vkey, strlen(vkey));
        e = slots_read(s, state, &id, slots);
    }
    if (state >= 0)
        close(state);
    close(fd);
    return e;
}

/* ---- use ---- */

char *vault_note(struct scope *s, const struct vault *v)
{
    struct checkpoint c = { .size = v->last.size, .root = v->last.root }, back;
    char *note;
    err e;

    memcpy(c.origin, v->log.name, sizeof c.origin);
    note = note_sign(s, checkpoint_text(s, &c), &v->log, v->log_secret);
    e = checkpoint_open(s, note, strlen(note), &v->log, &back);
    assert(e == ERR_OK);        /* a signature that does not verify, a flipped bit say, never leaves */
    return note;
}

err vault_advance(struct scope *s, struct vault *v, uint64_t size, const struct hash *root)
{
    struct signer_state next = v->last;

    assert(size > v->last.size && !v->last.frozen);
    next.size = size;
    next.root = *root;
    v->syncs++;
    return state_store(s, v->state, &v->id, &v->last, next);
}
