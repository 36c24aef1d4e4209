/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/append/life.h"

#include <string.h>

#include "ledger/append/ask.h"
#include "schema/store/entry.h"
#include "schema/store/log.h"

#define LIFE_MS 20000            /* For the entry and its checkpoint. */

/* What an act needs: the owner's connection, the way into the log, the signer. */
struct hands { struct db *db; struct append *append; struct signer signer; struct scope work; struct life *life; };

static void let_go(struct hands *h)
{
    signer_close(&h->signer);
    if (h->append)
        append_close(h->append, LIFE_MS);
    db_close(h->db);
}

static err take_up(struct scope *s, const struct append_config *config, struct hands *h)
{
    if (!config->signer_socket || !*config->signer_socket)
        return fail(s, ERR_CONFIG, "the signer's socket is not set");
    signer_init(&h->signer, config->signer_socket);
    TRY(db_open(s, config->dsn, config->application, &h->db));
    return append_open(s, config, &h->append);
}

static err run(struct scope *s, struct hands *h, err (*decide)(struct scope *s, struct append_txn *t, void *arg))
{
    struct append_op op = { .scope = &h->work, .decide = decide, .arg = h->life };
    err e;

    scope_init(&h->work, LIFE_MS);
    e = append_run(h->append, &op);
    if (e != ERR_OK)
        e = fail(s, e, "%s", h->work.why.detail);
    scope_free(&h->work);
    return e;
}

/* The act's entry and its proof in the newest signed tree, for the signer. */
static err evidence(struct scope *s, struct hands *h, struct bytes *entry, char **proof)
{
    struct append_signed covering = append_signed(s, h->append);
    const struct hash_source source = append_hash_source(h->db);
    struct entry_row row;
    struct proof path;

    if (covering.size <= h->life->index)
        return fail(s, ERR_BUSY, "entry %llu is not signed for yet: repeat this", (unsigned long long)h->life->index);
    TRY(entry_get(s, h->db, h->life->index, &row));
    TRY(proof_inclusion(s, &source, h->life->index, covering.size, &path));
    *entry = row.bytes;
    *proof = tlog_proof_text(s, h->life->index, &path, covering.note);
    return ERR_OK;
}

/* ---- the issuer's key */

static err change_decide(struct scope *s, struct append_txn *t, void *arg)
{
    struct life *life = arg;

    return append_issuer_change(s, t, life->key, &life->index);
}

static err issuer_act(struct scope *s, struct hands *h)
{
    char *log_key, *now, *next, *proof;
    struct log_turn *rows;
    struct bytes entry;
    size_t n;

    TRY(signer_keys(s, &h->signer, &log_key, &now));
    TRY(signer_next_issuer(s, &h->signer, &next));
    TRY(log_issuers(s, h->db, &rows, &n));
    if (n == 0 || !next)
        return fail(s, ERR_CONFLICT, "no key lies ready with the signer, whose issuer's key is %s: run "
                    "`counterfoil-signer next-issuer`", now);
    h->life->key = next;
    h->life->index = (uint64_t)rows[n - 1].index;
    if (strcmp(rows[n - 1].key, next) != 0)
        TRY(run(s, h, change_decide));
    TRY(evidence(s, h, &entry, &proof));
    return signer_issuer(s, &h->signer, entry, proof);
}

/* ---- the end */

static err freeze_decide(struct scope *s, struct append_txn *t, void *arg)
{
    struct life *life = arg;
    struct note_key successor;

    if (!note_key_parse(life->key, &successor))
        return fail(s, ERR_INVALID, "not a verifier key of a log: %s", life->key);
    return append_freeze(s, t, &successor, &life->index);
}

static err freeze_act(struct scope *s, struct hands *h)
{
    struct append_state state;
    struct log_turn before;
    struct note_key successor;
    struct bytes entry;
    char *proof;
    err e = log_end(s, h->db, &before);

    if (e == ERR_NOT_FOUND)
        scope_forgive(s);
    append_state(h->append, &state);
    if (!note_key_parse(h->life->key, &successor))
        return fail(s, ERR_INVALID, "not a verifier key of a log: %s", h->life->key);
    if (strcmp(successor.name, state.log_key->name) == 0)
        return fail(s, ERR_INVALID, "%s is this log's own origin: a successor has another", successor.name);
    if (e == ERR_NOT_FOUND) {
        TRY(run(s, h, freeze_decide));
    } else {
        TRY(e);
        h->life->index = (uint64_t)before.index;
        if (strcmp(before.key, h->life->key) != 0)
            return fail(s, ERR_CONFLICT, "the log is frozen at entry %lld already, for %s", (long long)before.index,
                        before.key);
    }
    TRY(evidence(s, h, &entry, &proof));
    return signer_freeze(s, &h->signer, entry, proof);
}

static err act(struct scope *s, const struct append_config *config, struct life *life,
               err (*work)(struct scope *s, struct hands *h))
{
    struct hands h = { .signer = { .fd = -1 }, .life = life };
    err e;

    keys_init();
    e = take_up(s, config, &h);
    if (e == ERR_OK)
        e = work(s, &h);
    let_go(&h);
    return e;
}

err life_issuer(struct scope *s, const struct append_config *config, struct life *out)
{
    *out = (struct life){ 0 };
    return act(s, config, out, issuer_act);
}

err life_freeze(struct scope *s, const struct append_config *config, const char *successor, struct life *out)
{
    *out = (struct life){ .key = successor };
    return act(s, config, out, freeze_act);
}
