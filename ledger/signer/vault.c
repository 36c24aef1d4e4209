/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/vault.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/keys/sha256.h"
#include "ledger/note/signing.h"
#include "ledger/signer/folder.h"
#include "ledger/signer/issuers.h"
#include "schema/base/random.h"

#define LOG_HEAD "counterfoil-signer/v1\n"
#define LOG_FILE_MAX 1024

static char *path_in(struct scope *s, const char *dir, const char *name)
{
    return scope_printf(s, "%s/%s", dir, name);
}

/* ---- init ---- */

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
    TRY(dir_file_make(s, fd, "state", state, sizeof state));
    TRY(dir_sync(s, dir, fd));
    text = scope_printf(s, LOG_HEAD "log %s\nissuer %s\n", vkey, note_key_text(s, &issuer));
    TRY(dir_file_make(s, fd, "log", text, strlen(text)));
    return dir_sync(s, dir, fd);
}

err vault_init(struct scope *s, const char *dir, const char *origin)
{
    int fd;
    err e;

    TRY(origin_check(s, origin));
    TRY(dir_make(s, dir, &fd));
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
    TRY(dir_file_read(s, fd, "log", LOG_FILE_MAX, &text));
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

/* A reason in the operator's words, instead of the reader's. */
static err instead(struct scope *s, const char *path, const char *what)
{
    scope_forgive(s);
    return fail(s, ERR_INVALID, "%s %s", path, what);
}

err vault_checkpoint_read(struct scope *s, const struct vault *v, const char *path, struct bytes *note,
                          struct checkpoint *out)
{
    struct bytes text, lines;
    struct checkpoint said;

    TRY(dir_file_read(s, AT_FDCWD, path, NOTE_BYTES_MAX, note));
    if (note_split(s, (const char *)note->p, note->len, &text, &lines) != ERR_OK ||
        !checkpoint_parse((const char *)text.p, text.len, &said))
        return instead(s, path, "is no checkpoint");
    if (strcmp(said.origin, v->log.name) != 0)
        return fail(s, ERR_INVALID, "%s is a checkpoint of %s, not of %s", path, said.origin, v->log.name);
    if (checkpoint_open(s, (const char *)note->p, note->len, &v->log, out) != ERR_OK)
        return instead(s, path, "is not signed by this log's key");
    return ERR_OK;
}

err vault_proof_read(struct scope *s, const char *path, struct proof *out)
{
    struct bytes proof;

    *out = (struct proof){ 0 };
    if (!path)
        return ERR_OK;
    TRY(dir_file_read(s, AT_FDCWD, path, SIGNER_PROOF_FILE_MAX, &proof));
    if (!proof_lines_parse((const char *)proof.p, proof.len, out))
        return fail(s, ERR_CONFIG, "%s is not lines of base64 hashes", path);
    return ERR_OK;
}

err vault_slots(struct scope *s, struct vault *v, struct slots *out)
{
    v->state = openat(v->dir, "state", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (v->state < 0)
        return fail(s, ERR_CORRUPT, "cannot open the state: %s", strerror(errno));
    return slots_read(s, v->state, &v->id, out);
}

/*
 * What was read may have been in the page cache only (a sync that failed in
 * the life before): written again and synced before anything is signed.
 */
static err state_load(struct scope *s, struct vault *v, const char *dir, const struct vault_shown *paths)
{
    struct slots slots;
    struct shown shown = { 0 };
    struct bytes note;

    TRY(vault_slots(s, v, &slots));
    if (paths->checkpoint_path) {
        TRY(vault_checkpoint_read(s, v, paths->checkpoint_path, &note, &shown.checkpoint));
        TRY(vault_proof_read(s, paths->proof_path, &shown.proof));
    }
    TRY(state_settle(s, &slots, paths->checkpoint_path ? &shown : NULL, &v->last));
    if (v->last.standby)
        return fail(s, ERR_CONFLICT, "%s is a standby's: it signs nothing until `counterfoil-signer takeover`", dir);
    return state_store(s, v->state, &v->id, &v->last, v->last);
}

static err keys_load(struct scope *s, const char *dir, struct vault *v)
{
    struct note_key issuer;
    char *vkey;

    TRY(dir_open(s, dir, &v->dir));
    TRY(dir_lock(s, dir, v->dir));
    TRY(log_file_load(s, dir, v->dir, &v->log, &issuer));
    vkey = note_key_text(s, &v->log);
    v->id = sha256_of(vkey, strlen(vkey));
    TRY(secret_load(s, path_in(s, dir, "log.key"), &v->log, &v->log_secret));
    v->n_issuers = 1;
    v->issuers[0] = (struct issuer){ .key = issuer };
    TRY(secret_load(s, path_in(s, dir, "issuer.key"), &issuer, &v->issuers[0].secret));
    return issuers_load(s, dir, v);
}

static err closed(struct vault *v, err e)
{
    if (e != ERR_OK)
        vault_close(v);
    return e;
}

err vault_keys_open(struct scope *s, const char *dir, struct vault *out)
{
    *out = (struct vault){ .dir = -1, .state = -1 };
    return closed(out, keys_load(s, dir, out));
}

err vault_open(struct scope *s, const char *dir, const struct vault_shown *shown, struct vault *out)
{
    TRY(vault_keys_open(s, dir, out));
    return closed(out, state_load(s, out, dir, shown));
}

void vault_close(struct vault *v)
{
    if (v->state >= 0)
        close(v->state);
    if (v->dir >= 0)
        close(v->dir);      /* and with it the lock */
    secret_key_free(v->log_secret);
    for (size_t i = 0; i < v->n_issuers; i++)
        secret_key_free(v->issuers[i].secret);
    *v = (struct vault){ .dir = -1, .state = -1 };
}

err vault_look(struct scope *s, const char *dir, struct note_key *log, struct note_key *issuer, struct slots *slots)
{
    struct hash id;
    char *vkey;
    int fd, state;
    err e;

    TRY(dir_open(s, dir, &fd));
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

    assert(size > v->last.size && !v->last.frozen && !v->last.standby);
    next.size = size;
    next.root = *root;
    v->syncs++;
    return state_store(s, v->state, &v->id, &v->last, next);
}

err vault_freeze(struct scope *s, struct vault *v)
{
    struct signer_state next = v->last;

    next.frozen = true;
    v->syncs += 2;
    return state_mark(s, v->state, &v->id, &v->last, next);
}

err vault_stand_by(struct scope *s, struct vault *v, bool retired, uint64_t id)
{
    struct signer_state next = v->last;

    next.standby = true;
    next.retired = retired;
    next.id = id;
    v->syncs += 2;
    return state_mark(s, v->state, &v->id, &v->last, next);
}

uint64_t standby_id_new(void)
{
    uint64_t id = 0;

    while (id == 0) {
        random_bytes(&id, sizeof id);
        id &= STANDBY_ID_MAX;
    }
    return id;
}
