/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "ledger/cert/did.h"
#include "ledger/entry/entry.h"
#include "ledger/note/note.h"
#include "schema/store/db.h"

/*
 * The one way into the log: lock, decide, append, commit, sign, answer
 * (docs/architecture.md; design: "Append", "Group commit", "The checkpoint loop").
 *
 * `struct append` is a process's committer (one thread, one connection) and
 * its checkpoint loop (one thread, one connection). Used by the API, the
 * worker and counterfoil-schema open alike. Callers hand in operations and
 * accesses; each is called back exactly once, on a thread of this room, when
 * its outcome is settled: its entries are durable and covered by a checkpoint
 * that this process has seen (ERR_OK), it was refused (the caller's error),
 * it was not done (ERR_BUSY, ERR_UNREACHABLE, ERR_HALTED before commit), or it
 * was committed but not yet covered when its deadline passed (ERR_UNKNOWN_OUTCOME).
 * Callbacks must be short and must not wait; they may submit again.
 */
struct append;

struct append_config {
    const char *dsn;              /* role api, worker or owner */
    const char *application;      /* application_name */
    const char *signer_socket;    /* NULL: this process never runs the checkpoint loop, it only waits for others' */
};

/*
 * Loads the log's row (never creates one), checks settings (fsync, full_page_writes), frontier against the
 * newest head, the newest checkpoint's signature, and, where a signer answers, its last checkpoint against the rows.
 */
err  append_open(struct scope *s, const struct append_config *config, struct append **out);
/* Takes no more, settles what it has within timeout_ms, stops both threads. */
void append_close(struct append *a, int64_t timeout_ms);

/* ---- operations: registered parties, publications, purchases, … (at most BATCH_OPERATIONS_MAX a batch) */

struct append_txn {               /* what decide() works with, under the ledger's lock, inside its savepoint */
    struct db *db;                /* the committer's connection: store functions may read and write by it */
    int64_t at_ms;                /* `at` of every entry of this batch */
    struct append_op *op;
    struct append_batch *batch;   /* private to this room */
};

/* Adds an entry; gives the index it will have if the batch commits. Salts are drawn here. */
err append_entry(struct scope *s, struct append_txn *t, enum entry_type type,
                 const struct named_value *values, size_t n_values, uint64_t *index);
/* Brings the next rules version into force, from this entry on. ERR_CONFLICT: it is, or it isn't the next. */
err append_rules(struct scope *s, struct append_txn *t, unsigned version, uint64_t *index);
unsigned append_rules_version(const struct append_txn *t);        /* in force for the next entry */
/* did:key of the issuer for documents of entries from here on. */
err append_issuer(struct scope *s, struct append_txn *t, char did[DID_KEY_SIZE]);
/* Brings another key of the issuer into force, and the log to its end: the owner's acts (life.h). */
err append_issuer_change(struct scope *s, struct append_txn *t, const char *vkey, uint64_t *index);
err append_freeze(struct scope *s, struct append_txn *t, const struct note_key *successor, uint64_t *index);
/*
 * Stores a document of the market (canonical JSON, without proof) with the entry that names it. ERR_CONFLICT: its
 * issuer is not the one in force now.
 */
err append_document(struct scope *s, struct append_txn *t, uint64_t index, const struct hash *hash,
                    struct bytes document);

/*
 * A document of the market with its issuer's proof: as kept, or else from the signer, and then kept. `index` is the
 * entry that names it; outside a transaction, by a connection of the caller's. ERR_BUSY: no checkpoint covers the entry
 * yet. ERR_UNREACHABLE: no signer answers, or this process has none. *out: canonical JSON in the scope.
 */
err append_document_signed(struct scope *s, struct append *a, struct db *db, const struct hash *hash, uint64_t index,
                           struct bytes *out);

struct idempotent { const char *party, *key; struct hash fingerprint; };    /* key NULL: none */

struct append_op {
    struct scope *scope;          /* lent to the room until done(); its deadline is the operation's */
    struct idempotent idempotent;
    /*
     * Decides and writes; may run again in a later batch after a lock timeout (its writes were rolled back).
     * Sets `status` and `answer` (the JSON body to give and to store for repeats; `stored` instead if the body
     * holds a secret that must not be kept).
     */
    err (*decide)(struct scope *s, struct append_txn *t, void *arg);
    void (*done)(struct append_op *op, err e);
    void *arg;
    /* results */
    int status;                   /* HTTP status of the answer */
    const char *answer;           /* in the scope; on a replay: the stored one */
    const char *stored;           /* NULL: `answer` is stored */
    bool replayed;                /* the first answer again, nothing was written now */
    uint64_t first_index, n_entries;
    struct append_op *next;       /* private */
    int retries;                  /* private */
    void *waiter;                 /* private */
};

void append_submit(struct append *a, struct append_op *op);       /* any thread; done() may come before this returns */
/* The same, waiting: for worker jobs and first setup, never in a thread that serves others. */
err  append_run(struct append *a, struct append_op *op);          /* op->done is not used */

/* ---- accesses: decided set-based, many by one statement */

enum access_outcome_kind { ACCESS_RECORDED, ACCESS_IN_WINDOW };

struct append_access {
    struct scope *scope;          /* lent until done() */
    /* who asks for what; all borrowed until done() */
    const char *key_id;           /* "key_…" */
    struct hash key_digest;       /* keyed BLAKE2b of the secret that came with the request */
    const char *license_id;
    const char *path;             /* of the item */
    void (*done)(struct append_access *x, err e);
    void *arg;
    /* results with ERR_OK */
    enum access_outcome_kind outcome;
    uint64_t index;               /* the entry: new, or the one that opened the window */
    struct hash sha256;
    int64_t size;
    const char *media_type;       /* in the scope */
    struct append_access *next;   /* private */
};

void append_access_submit(struct append *a, struct append_access *x);

/* ---- what is signed */

struct append_signed { uint64_t size; const char *note; };        /* note in the scope given */

/* Newest checkpoint this process has seen; never smaller than one it has given before. */
struct append_signed append_signed(struct scope *s, struct append *a);
uint64_t append_signed_size(struct append *a);                    /* the same size, cheap */
/*
 * Calls back when index < signed size, or when the deadline of the scope passes (ERR_UNKNOWN_OUTCOME):
 * for answers that rest on an entry read from committed rows (replays, shows). May call back at once.
 */
struct append_wait {
    uint64_t index;
    struct scope *scope;
    void (*done)(struct append_wait *w, err e);
    void *arg;
    struct append_wait *next;     /* private */
};
void append_wait(struct append *a, struct append_wait *w);

/* ---- state, for /readyz and /metrics */
struct append_state {
    bool halted;                  /* process stopped appending and signing; see halt_why */
    char halt_why[256];
    uint64_t head_size, signed_size, signer_size;     /* as last seen here */
    uint64_t batches, entries, accesses, refused, retried, not_done, unknown, checkpoints, syncs_asked;
    bool behind;                  /* a wait for a checkpoint failed: ledgered writes are refused until it is seen */
    const struct note_key *log_key;                   /* for the life of `a` */
};
void append_state(struct append *a, struct append_state *out);

/* The tree as stored, for proofs and tiles (proof.h): what is committed; the caller bounds it by the signed size. */
struct hash_source append_hash_source(struct db *db);
/*
 * The same for proofs in a signed tree, for as long as `s` lasts: nothing in that tree changes, so this process keeps
 * what it has read above the leaves, and the tree's last tile of leaves.
 */
struct hash_source append_proof_source(struct scope *s, struct append *a, struct db *db);
