/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/standby.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "ledger/keys/sha256.h"
#include "ledger/note/policy.h"
#include "ledger/signer/folder.h"
#include "ledger/signer/issuers.h"

/* First line of the note; no origin has a space, so that it can't be taken for a checkpoint. */
#define RETIRED "counterfoil-signer/v1 retired\n"
#define KEY_FILE_MAX 256
#define LOG_FILE_MAX 1024

/* ---- a copy */

static err file_copy(struct scope *s, int from, int to, const char *name, size_t max)
{
    struct bytes bytes;
    err e;

    TRY(dir_file_read(s, from, name, max, &bytes));
    e = dir_file_make(s, to, name, bytes.p, bytes.len);
    explicit_bzero((void *)bytes.p, bytes.len);
    return e;
}

/* The newer of the good slots; a running signer may be writing the other. */
static err newest_slot(struct scope *s, const struct slots *slots, struct signer_state *out)
{
    if (!slots->good[0] && !slots->good[1])
        return fail(s, ERR_CORRUPT, "both slots of the state are bad");
    *out = slots->slot[slots->good[1] && (!slots->good[0] || slots->slot[1].sequence > slots->slot[0].sequence)];
    return ERR_OK;
}

static err state_copy(struct scope *s, int to, const struct note_key *log, struct signer_state st)
{
    char *vkey = note_key_text(s, log);
    struct hash id = sha256_of(vkey, strlen(vkey));
    uint8_t state[STATE_FILE_SIZE] = { 0 };

    st.standby = true;
    for (int i = 0; i < 2; i++, st.sequence++)
        slot_pack(&st, &id, state + st.sequence % 2 * SLOT_STRIDE);
    return dir_file_make(s, to, "state", state, sizeof state);
}

/* The keys, all of one moment. */
static err keys_copy(struct scope *s, int from, int to)
{
    const char **names, **again;
    size_t n, n_again;

    TRY(issuers_files(s, from, &names, &n));
    for (size_t i = 0; i < n; i++)
        TRY(file_copy(s, from, to, names[i], KEY_FILE_MAX));
    TRY(issuers_files(s, from, &again, &n_again));
    for (size_t i = 0; i < n || i < n_again; i++)
        if (n != n_again || strcmp(names[i], again[i]) != 0)
            return fail(s, ERR_CONFLICT, "a key of the issuer came meanwhile: remove the copy and make it again");
    return ERR_OK;
}

static err copy_into(struct scope *s, const char *dir, const char *to, int target)
{
    struct note_key log, issuer;
    struct signer_state st;
    struct slots slots;
    int from;
    err e;

    TRY(vault_look(s, dir, &log, &issuer, &slots));
    TRY(newest_slot(s, &slots, &st));
    TRY(dir_open(s, dir, &from));
    e = keys_copy(s, from, target);
    if (e == ERR_OK)
        e = state_copy(s, target, &log, st);
    if (e == ERR_OK)
        e = dir_sync(s, to, target);
    if (e == ERR_OK)
        e = file_copy(s, from, target, "log", LOG_FILE_MAX);      /* last, as in init */
    close(from);
    return e == ERR_OK ? dir_sync(s, to, target) : e;
}

err standby_copy(struct scope *s, const char *dir, const char *to)
{
    int target;
    err e;

    TRY(dir_make(s, to, &target));
    e = copy_into(s, dir, to, target);
    close(target);
    return e;
}

/* ---- the old signer's word */

err standby_retire(struct scope *s, const char *dir, char **note)
{
    struct checkpoint c = { 0 };
    struct slots slots;
    struct vault v;
    err e;

    TRY(vault_keys_open(s, dir, &v));
    e = vault_slots(s, &v, &slots);
    if (e == ERR_OK)
        e = state_settle(s, &slots, NULL, &v.last);
    if (e == ERR_OK && v.last.frozen)
        e = fail(s, ERR_CONFLICT, "the log is frozen: there is nothing left to sign elsewhere");
    if (e == ERR_OK)
        e = vault_stand_by(s, &v);
    if (e == ERR_OK) {
        c = (struct checkpoint){ .size = v.last.size, .root = v.last.root };
        memcpy(c.origin, v.log.name, sizeof c.origin);
        *note = note_sign(s, scope_printf(s, RETIRED "%s", checkpoint_text(s, &c)), &v.log, v.log_secret);
    }
    vault_close(&v);
    return e;
}

static err retired_read(struct scope *s, const struct vault *v, const char *path, struct checkpoint *out)
{
    struct bytes note, text, lines;
    size_t head = strlen(RETIRED);

    TRY(dir_file_read(s, AT_FDCWD, path, NOTE_BYTES_MAX, &note));
    if (note_split(s, (const char *)note.p, note.len, &text, &lines) != ERR_OK || text.len <= head ||
        memcmp(text.p, RETIRED, head) != 0 || !checkpoint_parse((const char *)text.p + head, text.len - head, out)) {
        scope_forgive(s);
        return fail(s, ERR_INVALID, "%s is not what `counterfoil-signer retire` prints", path);
    }
    if (strcmp(out->origin, v->log.name) != 0)
        return fail(s, ERR_INVALID, "%s is of a signer of %s, not of %s", path, out->origin, v->log.name);
    if (note_open(s, (const char *)note.p, note.len, &v->log, &text) != ERR_OK) {
        scope_forgive(s);
        return fail(s, ERR_INVALID, "%s is not signed by this log's key", path);
    }
    return ERR_OK;
}

/* ---- taking over */

static err policy_check(struct scope *s, const struct vault *v, const char *path, struct bytes note)
{
    struct policy *policy = NEW(s, struct policy);
    struct policy_verdict *verdict = NEW(s, struct policy_verdict);
    struct bytes text;

    TRY(dir_file_read(s, AT_FDCWD, path, POLICY_BYTES_MAX, &text));
    TRY(policy_parse(s, (const char *)text.p, text.len, policy));
    TRY(policy_judge(s, policy, &v->log, (const char *)note.p, note.len, verdict));
    if (!verdict->met)
        return fail(s, ERR_INVALID, "the checkpoint shown is below the policy: %s", verdict->missing);
    return ERR_OK;
}

static err shown_read(struct scope *s, const struct vault *v, const struct takeover_shown *paths, struct shown *out)
{
    struct bytes note;

    if (paths->retired) {
        out->retired = true;
        return retired_read(s, v, paths->retired, &out->checkpoint);
    }
    TRY(vault_checkpoint_read(s, v, paths->checkpoint, &note, &out->checkpoint));
    TRY(policy_check(s, v, paths->policy, note));
    return vault_proof_read(s, paths->proof, &out->proof);
}

static err take(struct scope *s, struct vault *v, const struct takeover_shown *paths)
{
    struct shown shown = { 0 };
    struct signer_state next;
    struct slots slots;

    TRY(vault_slots(s, v, &slots));
    TRY(shown_read(s, v, paths, &shown));
    TRY(state_settle(s, &slots, &shown, &next));
    next.standby = false;
    v->last = next;
    return state_mark(s, v->state, &v->id, &v->last, next);
}

err standby_takeover(struct scope *s, const char *dir, const struct takeover_shown *shown, struct signer_state *out)
{
    struct vault v;
    err e;

    TRY(vault_keys_open(s, dir, &v));
    e = take(s, &v, shown);
    *out = v.last;
    vault_close(&v);
    return e;
}
