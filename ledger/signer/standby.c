/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/standby.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "ledger/entry/entry.h"
#include "ledger/entry/receipt.h"
#include "ledger/keys/sha256.h"
#include "ledger/note/policy.h"
#include "ledger/signer/folder.h"
#include "ledger/signer/issuers.h"
#include "schema/base/clock.h"

/* First line of the note; no origin has a space, so that it can't be taken for a checkpoint. */
#define RETIRED "counterfoil-signer/v1 retired for "
#define RECEIPT_FILE_MAX (4 * RECEIPT_BYTES_MAX)
#define KEY_FILE_MAX 256
#define LOG_FILE_MAX 1024

/* ---- ids */

const char *standby_id_text(struct scope *s, uint64_t id)
{
    return scope_printf(s, "%014" PRIx64, id);
}

static bool id_read(const char *text, size_t len, uint64_t *out)
{
    uint8_t bytes[sizeof *out] = { 0 };

    if (len != STANDBY_ID_SIZE - 1 || !hex_read(text, len, bytes + 1, sizeof bytes - 1))
        return false;
    *out = be64_read(bytes);
    return *out != 0;
}

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
    st.retired = false;
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

static err copy_into(struct scope *s, const char *dir, const char *to, int target, uint64_t id)
{
    struct note_key log, issuer;
    struct signer_state st;
    struct slots slots;
    int from;
    err e;

    TRY(vault_look(s, dir, &log, &issuer, &slots));
    TRY(newest_slot(s, &slots, &st));
    st.id = id;
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

err standby_copy(struct scope *s, const char *dir, const char *to, uint64_t *id)
{
    int target;
    err e;

    *id = standby_id_new();
    TRY(dir_make(s, to, &target));
    e = copy_into(s, dir, to, target, *id);
    close(target);
    return e;
}

/* ---- the old signer's word */

/* The key in force, which the standby must have as well. */
static const char *issuer_line(struct scope *s, const struct vault *v)
{
    const struct issuer *now = &v->issuers[v->n_issuers - 1];

    return scope_printf(s, "issuer %" PRIu64 " %s\n", now->since, note_key_text(s, &now->key));
}

/* To one standby only, ever: a second word would be a second signer. */
static err may_retire(struct scope *s, const struct vault *v, const char *dir, uint64_t id)
{
    if (v->last.frozen)
        return fail(s, ERR_CONFLICT, "the log is frozen: there is nothing left to sign elsewhere");
    if (v->last.retired && v->last.id != id)
        return fail(s, ERR_CONFLICT, "%s has retired for %s: no other standby takes over by its word", dir,
                    standby_id_text(s, v->last.id));
    if (v->last.standby && !v->last.retired)
        return fail(s, ERR_CONFLICT, "%s is a standby's: another signer knows what was signed last", dir);
    return ERR_OK;
}

static char *word_of(struct scope *s, const struct vault *v)
{
    struct checkpoint c = { .size = v->last.size, .root = v->last.root };

    memcpy(c.origin, v->log.name, sizeof c.origin);
    return note_sign(s, scope_printf(s, RETIRED "%s\n%s%s", standby_id_text(s, v->last.id), issuer_line(s, v),
                                     checkpoint_text(s, &c)), &v->log, v->log_secret);
}

err standby_retire(struct scope *s, const char *dir, const char *id, char **note)
{
    struct slots slots;
    struct vault v;
    uint64_t to;
    err e;

    if (!id_read(id, strlen(id), &to))
        return fail(s, ERR_CONFIG, "'%s' is not the id of a standby, as `status` prints it", id);
    TRY(vault_keys_open(s, dir, &v));
    e = vault_slots(s, &v, &slots);
    if (e == ERR_OK)
        e = state_settle(s, &slots, NULL, &v.last);
    if (e == ERR_OK)
        e = may_retire(s, &v, dir, to);
    if (e == ERR_OK)
        e = vault_stand_by(s, &v, true, to);
    if (e == ERR_OK)
        *note = word_of(s, &v);
    vault_close(&v);
    return e;
}

/* The key in force, from whoever shows it. */
struct shown_issuer { uint64_t since; struct note_key key; };

/* "issuer <since> <vkey>\n"; `text` goes on behind it. */
static bool issuer_line_parse(struct scope *s, struct bytes *text, struct shown_issuer *out)
{
    const char *p = (const char *)text->p, *eol = memchr(p, '\n', text->len), *vkey;
    size_t head = strlen("issuer ");

    if (!eol || text->len < head || memcmp(p, "issuer ", head) != 0)
        return false;
    vkey = memchr(p + head, ' ', (size_t)(eol - p) - head);
    if (!vkey || !decimal_read(p + head, (size_t)(vkey - p) - head, TREE_SIZE_MAX, &out->since) ||
        !note_key_parse(scope_strndup(s, vkey + 1, (size_t)(eol - vkey) - 1), &out->key))
        return false;
    *text = (struct bytes){ (const uint8_t *)eol + 1, text->len - (size_t)(eol - p) - 1 };
    return true;
}

/* "retired for <id>", and below it the issuer's line and those of a checkpoint. */
static bool word_read(struct scope *s, struct bytes text, uint64_t *id, struct checkpoint *out,
                      struct shown_issuer *issuer)
{
    const char *p = (const char *)text.p;
    size_t head = strlen(RETIRED), rest = head + STANDBY_ID_SIZE;

    if (text.len <= rest || memcmp(p, RETIRED, head) != 0 || !id_read(p + head, STANDBY_ID_SIZE - 1, id) ||
        p[rest - 1] != '\n')
        return false;
    text = (struct bytes){ text.p + rest, text.len - rest };
    return issuer_line_parse(s, &text, issuer) && checkpoint_parse((const char *)text.p, text.len, out);
}

static err retired_read(struct scope *s, const struct vault *v, const char *path, struct checkpoint *out,
                        struct shown_issuer *issuer, uint64_t *id)
{
    struct bytes note, text, lines;

    TRY(dir_file_read(s, AT_FDCWD, path, NOTE_BYTES_MAX, &note));
    if (note_split(s, (const char *)note.p, note.len, &text, &lines) != ERR_OK ||
        !word_read(s, text, id, out, issuer)) {
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

/* Whether the quorum has said just now that this is the newest: what it said long ago, an old signer may be beyond. */
static bool just_now(const struct policy *p, const struct policy_verdict *v)
{
    bool fresh[POLICY_WITNESSES_MAX];

    for (size_t i = 0; i < p->n_witnesses; i++)
        fresh[i] = v->cosigned[i] && cosignature_fresh(v->at[i], clock_wall_ms() / 1000);
    return p->quorum != POLICY_NO_GROUP && policy_met(p, fresh);
}

static err policy_check(struct scope *s, const struct vault *v, const struct takeover_shown *paths, struct bytes note)
{
    struct policy *policy = NEW(s, struct policy);
    struct policy_verdict *verdict = NEW(s, struct policy_verdict);
    struct bytes text;

    TRY(dir_file_read(s, AT_FDCWD, paths->policy, POLICY_BYTES_MAX, &text));
    TRY(policy_parse(s, (const char *)text.p, text.len, policy));
    TRY(policy_judge(s, policy, &v->log, (const char *)note.p, note.len, verdict));
    if (!verdict->met)
        return fail(s, ERR_INVALID, "the checkpoint shown is below the policy: %s", verdict->missing);
    if (!paths->fenced && !just_now(policy, verdict))
        return fail(s, ERR_INVALID, "no quorum has cosigned the checkpoint shown in the last %d minutes: have its "
                    "witnesses cosign it again, or make sure that no other signer signs, and say --fenced",
                    COSIGNATURE_FRESH_S / 60);
    return ERR_OK;
}

/* An entry of the tree that was shown, or of one before it. */
static err entry_read(struct scope *s, const struct vault *v, const char *path, const struct checkpoint *newest,
                      uint64_t *index, struct entry *out)
{
    struct receipt_parts parts;
    struct checkpoint c;
    struct tlog_proof p;
    struct bytes text;
    struct hash leaf;

    TRY(dir_file_read(s, AT_FDCWD, path, RECEIPT_FILE_MAX, &text));
    TRY(receipt_parts_read(s, (const char *)text.p, text.len, &parts));
    if (!tlog_proof_parse((const char *)parts.proof.p, parts.proof.len, &p))
        return fail(s, ERR_INVALID, "%s has no tlog-proof", path);
    TRY(checkpoint_open(s, (const char *)p.note.p, p.note.len, &v->log, &c));
    if (c.size > newest->size || (c.size == newest->size && !hash_equal(&c.root, &newest->root)))
        return fail(s, ERR_INVALID, "%s is a receipt of a tree of %" PRIu64 " entries, not below the checkpoint shown, "
                    "of %" PRIu64 ": show the newest checkpoint", path, c.size, newest->size);
    leaf = leaf_hash(parts.entry.p, parts.entry.len);
    if (!proof_check_inclusion(p.index, c.size, &leaf, &c.root, &p.proof))
        return fail(s, ERR_INVALID, "%s: its proof does not lead from its entry to the signed root", path);
    *index = p.index;
    return entry_decode(s, parts.entry.p, parts.entry.len, out);
}

/* A frozen log's last entry says so. */
static err last_read(struct scope *s, const struct vault *v, const char *path, const struct checkpoint *newest,
                     bool *frozen)
{
    struct entry e;
    uint64_t index;

    TRY(entry_read(s, v, path, newest, &index, &e));
    if (index + 1 != newest->size)
        return fail(s, ERR_INVALID, "%s is the receipt of entry %" PRIu64 ", not of the checkpoint's last, %" PRIu64,
                    path, index, newest->size - 1);
    *frozen = e.spec->type == ENTRY_LOG_FROZEN;
    return ERR_OK;
}

static err issuer_read(struct scope *s, const struct vault *v, const char *path, const struct checkpoint *newest,
                       struct shown_issuer *out)
{
    struct entry e;

    TRY(entry_read(s, v, path, newest, &out->since, &e));
    if (e.spec->type != ENTRY_LOG_OPENED && e.spec->type != ENTRY_ISSUER_KEY_CHANGED)
        return fail(s, ERR_INVALID, "%s is the receipt of entry %" PRIu64 ", %s, which brings no key of the issuer: "
                    "/v1/log/key names the one that does", path, out->since, e.spec->name);
    return note_key_parse(entry_field(&e, "issuer_key")->v.text, &out->key) ? ERR_OK
         : fail(s, ERR_INVALID, "entry %" PRIu64 " brings no verifier key", out->since);
}

static err shown_read(struct scope *s, const struct vault *v, const struct takeover_shown *paths, struct shown *out,
                      struct shown_issuer *issuer, uint64_t *id)
{
    struct bytes note;

    *id = 0;
    if (paths->retired) {
        out->retired = true;
        return retired_read(s, v, paths->retired, &out->checkpoint, issuer, id);
    }
    TRY(vault_checkpoint_read(s, v, paths->checkpoint, &note, &out->checkpoint));
    TRY(policy_check(s, v, paths, note));
    return vault_proof_read(s, paths->proof, &out->proof);
}

static err may_take(struct scope *s, const struct signer_state *now, const struct shown *shown, uint64_t id)
{
    if (!now->standby)
        return fail(s, ERR_CONFLICT, "the folder is no standby's: serve it");
    if (shown->retired && (now->retired || now->id != id))
        return fail(s, ERR_INVALID, "the old signer retired for %s, which is another standby", standby_id_text(s, id));
    return ERR_OK;
}

static err take(struct scope *s, struct vault *v, const struct takeover_shown *paths)
{
    struct shown_issuer issuer;
    struct shown shown = { 0 };
    struct signer_state next;
    struct slots slots;
    bool frozen = false;
    uint64_t id;

    TRY(vault_slots(s, v, &slots));
    TRY(shown_read(s, v, paths, &shown, &issuer, &id));
    TRY(state_settle(s, &slots, &shown, &next));
    TRY(may_take(s, &next, &shown, id));
    if (!paths->retired)
        TRY(last_read(s, v, paths->last, &shown.checkpoint, &frozen));
    if (!paths->retired && !paths->issuer_lost)
        TRY(issuer_read(s, v, paths->issuer, &shown.checkpoint, &issuer));
    if (!paths->issuer_lost)
        TRY(issuers_adopt(s, v, issuer.since, &issuer.key));
    next.standby = next.retired = false;
    next.id = 0;
    next.frozen = next.frozen || frozen;
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
