/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ledger/append/ground.h"

/* The ordinary life of the committer: batches, refusals, repeats, locks, deadlines. */

#define MANY 200

static const struct sql count_marks = { "test_marks", "SELECT count(*) AS n FROM mark" };
static const struct sql count_entries = { "test_entries", "SELECT count(*) AS n FROM entry" };
static const struct sql count_batches = { "test_heads", "SELECT count(*) AS n FROM tree_head" };

/* What is submitted while we hold the log's lock is decided together afterwards, but the first, which waits. */
static void hold(struct append *a, struct db *db, struct crowd *c, struct task *first)
{
    run_sql(db, &lock_log);
    first->entries = 1;
    task_submit(a, c, first, 60000);
    ok(lock_waited_for(db), "a batch waits for the lock");
}

static void test_open_twice(struct ground *g)
{
    struct db *db = session(g);
    struct scope s;

    scope_init(&s, 0);
    ok(number_of(db, &count_entries) == 2, "opening appends two entries");
    ok(ground_open(g, &s) == ERR_CONFLICT, "a second opening is refused");
    ok(strstr(s.why.detail, "already") != NULL, "and says why: %s", s.why.detail);
    ok(number_of(db, &count_entries) == 2, "and does nothing");
    scope_free(&s);
    db_close(db);
}

static void test_many(struct append *a, struct db *db)
{
    static struct task t[MANY];
    struct crowd c = CROWD;
    int64_t before = number_of(db, &count_entries);
    bool good = true;

    ok(one(a, 5000) == ERR_OK, "one operation");
    ok(append_signed_size(a) == (uint64_t)before + 1, "is signed when it is answered");
    for (size_t i = 0; i < MANY; i++) {
        t[i].entries = 1 + i % 3;
        task_submit(a, &c, &t[i], 10000);
    }
    crowd_wait(&c);
    for (size_t i = 0; i < MANY; i++)
        good = good && t[i].e == ERR_OK && t[i].op.status == 201 && t[i].op.n_entries == t[i].entries &&
               t[i].op.first_index + t[i].entries <= append_signed_size(a);
    ok(good, "%d operations at once", MANY);
    ok(tree_sound(db), "the tree is sound");
    tasks_free(t, MANY);
}

static err decide_accesses(struct scope *s, struct append_txn *t, void *arg)
{
    const struct hash sha256 = sha256_of("item", 4);
    uint64_t index;

    for (size_t i = 0; i < *(size_t *)arg; i++) {
        struct named_value values[] = {
            { "clearance", EV_TEXT(CLEARANCE) }, { "license", EV_TEXT(LICENSE) }, { "bytes", EV_COUNT(4) },
            { "item_hash", EV_HASH(&sha256) }, { "item_number", EV_COUNT(1) }, { "key", EV_TEXT(KEY_ID) },
        };
        TRY(append_entry(s, t, ENTRY_ACCESS_RECORDED, values, ARRAY_LEN(values), &index));
    }
    t->op->status = 200;
    t->op->answer = "{}";
    return ERR_OK;
}

static const struct sql all_rows = {
    "test_all_rows",
    "SELECT count(*) AS n FROM entry e JOIN disclosure d USING (index)"
    " WHERE e.type = 'access.recorded' AND e.leaf = sha256('\\x00'::bytea || e.bytes)"
};
static const struct sql all_disclosures = {
    "test_all_disclosures",
    "SELECT count(DISTINCT t.text) AS n FROM disclosure d JOIN entry e USING (index),"
    " json_array_elements_text(convert_from(d.disclosures, 'UTF8')::json) t (text) WHERE e.type = 'access.recorded'"
};

/* More than the salts that are drawn at a time, of entries whose values are all the same. */
static void test_salts(struct append *a, struct db *db)
{
    size_t n = OPERATION_ENTRIES_MAX;
    struct append_op op = { .decide = decide_accesses, .arg = &n };
    struct scope s;

    scope_init(&s, 10000);
    op.scope = &s;
    ok(append_run(a, &op) == ERR_OK && op.n_entries == n, "an operation of %zu entries", n);
    ok(number_of(db, &all_rows) == (int64_t)n, "each with its disclosures");
    ok(number_of(db, &all_disclosures) == 4 * (int64_t)n, "and no salt twice");
    ok(tree_sound(db), "the tree is sound");
    scope_free(&s);
}

static bool same(const struct proof *a, const struct proof *b)
{
    return a->n == b->n && memcmp(a->hash, b->hash, a->n * sizeof *a->hash) == 0;
}

/* Proofs in a tree of `size`, and to it from a smaller one, are what the rows alone give. */
static bool same_proofs(struct append *a, struct db *db, uint64_t size)
{
    bool good = true;

    for (uint64_t index = 0; index < size; index += 41) {
        const struct hash_source rows = append_hash_source(db);
        struct proof want, got;
        struct scope s;

        scope_init(&s, 0);
        const struct hash_source kept = append_proof_source(&s, a, db);
        good = good && proof_inclusion(&s, &rows, index, size, &want) == ERR_OK &&
               proof_inclusion(&s, &kept, index, size, &got) == ERR_OK && same(&want, &got);
        good = good && proof_consistency(&s, &rows, index, size, &want) == ERR_OK &&
               proof_consistency(&s, &kept, index, size, &got) == ERR_OK && same(&want, &got);
        scope_free(&s);
    }
    return good;
}

static const struct sql lose_subtrees = { "test_lose", "DELETE FROM subtree" };

/* Last, for it loses what the tree is made of. */
static void test_kept_tiles(struct append *a, struct db *db)
{
    size_t n = TILE_WIDTH * 2;
    uint64_t first = append_signed_size(a), size = first + n;
    struct append_op op = { .decide = decide_accesses, .arg = &n };
    struct proof proof, other;
    struct scope s;

    scope_init(&s, 120000);
    op.scope = &s;
    const struct hash_source rows = append_hash_source(db), kept = append_proof_source(&s, a, db);
    ok(first > 4 * TILE_WIDTH && same_proofs(a, db, first), "proofs by what is kept");
    ok(append_run(a, &op) == ERR_OK && append_signed_size(a) == size, "the log grows");
    ok(same_proofs(a, db, size) && same_proofs(a, db, first), "by what was kept of it shorter, and of"
       " shorter ones by what is kept of it longer");
    ok(proof_inclusion(&s, &kept, 0, size, &proof) == ERR_OK, "a proof");
    run_sql(db, &lose_subtrees);
    ok(proof_inclusion(&s, &rows, 0, size, &other) == ERR_CORRUPT, "can't be made of rows that are lost");
    scope_forgive(&s);
    ok(proof_inclusion(&s, &kept, 0, size, &other) == ERR_OK && same(&proof, &other), "and is made of what is kept");
    scope_free(&s);
}

static void test_refusals(struct append *a, struct db *db)
{
    static struct task t[30];
    struct crowd c = CROWD;
    struct task first = { 0 };
    int64_t marks = number_of(db, &count_marks), entries = number_of(db, &count_entries), heads;
    static char names[30][16];
    bool good = true;

    hold(a, db, &c, &first);
    heads = number_of(db, &count_batches);
    for (size_t i = 0; i < 30; i++) {
        snprintf(names[i], sizeof names[i], "m%zu", i % 10 == 9 ? i - 1 : i);
        t[i].entries = 2;
        t[i].mark = names[i];                        /* every tenth violates the primary key */
        t[i].refuse = i % 3 == 0 ? ERR_STALE : ERR_OK;
        task_submit(a, &c, &t[i], 60000);
    }
    run_sql(db, &unlock_log);
    crowd_wait(&c);
    int64_t done = 0;
    for (size_t i = 0; i < 30; i++) {
        bool clash = i % 10 == 9 && (i - 1) % 3 != 0;
        err want = clash ? ERR_CONFLICT : i % 3 == 0 ? ERR_STALE : ERR_OK;

        good = good && t[i].e == want && (want != ERR_OK || t[i].op.n_entries == 2);
        done += want == ERR_OK;
    }
    ok(good, "refusals and violated constraints harm no neighbor");
    is_int(number_of(db, &count_marks), marks + done, "rows of the refused are not there");
    is_int(number_of(db, &count_entries), entries + 1 + 2 * done, "nor are their entries");
    is_int(number_of(db, &count_batches), heads + 2, "all in one batch");
    ok(tree_sound(db), "the tree is sound");
    tasks_free(t, 30);
    scope_free(&first.scope);

    for (size_t i = 0; i < 3; i++) {
        t[i].refuse = ERR_BALANCE;
        t[i].entries = 1;
        task_submit(a, &c, &t[i], 5000);
    }
    crowd_wait(&c);
    ok(t[0].e == ERR_BALANCE && t[1].e == ERR_BALANCE && t[2].e == ERR_BALANCE,
       "a batch of refusals alone is answered");
    is_int(number_of(db, &count_entries), entries + 1 + 2 * done, "and leaves nothing");
    tasks_free(t, 3);
}

static void test_idempotency(struct append *a, struct db *db)
{
    static const struct sql expire = { "test_expire", "UPDATE idempotency SET expires_at = now() - interval '1 hour'" };
    static struct task t[4];
    struct crowd c = CROWD;
    struct task first = { 0 };
    int64_t entries = number_of(db, &count_entries);

    hold(a, db, &c, &first);
    for (size_t i = 0; i < 4; i++) {
        t[i].entries = 1;
        snprintf(t[i].key, sizeof t[i].key, "same");
        t[i].op.idempotent.fingerprint.b[31] = i == 2;
        task_submit(a, &c, &t[i], 10000);
    }
    run_sql(db, &unlock_log);
    crowd_wait(&c);
    ok(t[0].e == ERR_OK && !t[0].op.replayed, "the first of a key is done");
    ok(t[1].e == ERR_OK && t[1].op.replayed && t[1].op.status == 201, "its repeat in the same batch is a replay");
    is_str(t[1].op.answer, t[0].op.answer, "with the first answer");
    is_int(t[2].e, ERR_IDEMPOTENCY, "one bit of the request differs: refused");
    ok(t[3].e == ERR_OK && t[3].op.replayed && t[3].decided == 0, "a repeat decides nothing");
    is_int(number_of(db, &count_entries), entries + 2, "one entry for one key");
    tasks_free(t, 4);
    scope_free(&first.scope);

    snprintf(t[0].key, sizeof t[0].key, "same");
    t[0].entries = 1;
    task_submit(a, &c, &t[0], 5000);
    crowd_wait(&c);
    ok(t[0].e == ERR_OK && t[0].op.replayed, "a later repeat is a replay");
    tasks_free(t, 1);
    run_sql(db, &expire);
    snprintf(t[0].key, sizeof t[0].key, "same");
    t[0].entries = 1;
    t[0].op.idempotent.fingerprint.b[0] = 7;
    task_submit(a, &c, &t[0], 5000);
    crowd_wait(&c);
    ok(t[0].e == ERR_OK && !t[0].op.replayed, "an expired key is free for another request");
    tasks_free(t, 1);
    t[0].refuse = ERR_STALE;
    snprintf(t[0].key, sizeof t[0].key, "refused");
    task_submit(a, &c, &t[0], 5000);
    crowd_wait(&c);
    tasks_free(t, 1);
    snprintf(t[0].key, sizeof t[0].key, "refused");
    t[0].entries = 1;
    task_submit(a, &c, &t[0], 5000);
    crowd_wait(&c);
    ok(t[0].e == ERR_OK && !t[0].op.replayed, "a refusal is not stored");
    tasks_free(t, 1);
}

static void test_row_lock(struct append *a, struct ground *g, struct db *db)
{
    static const struct sql take = { "test_take", "UPDATE party SET name = 'x' WHERE id = 'pty_foe'" };
    static const struct sql begin = { "test_begin", "BEGIN" }, commit = { "test_commit", "COMMIT" };
    static struct task t[3];
    struct crowd c = CROWD;
    struct db *other = session(g);
    struct append_state state;
    uint64_t before;

    run_sql(other, &begin);
    run_sql(other, &take);
    t[0].also = &take;
    t[0].entries = t[1].entries = 1;
    append_state(a, &state);
    before = state.retried;
    task_submit(a, &c, &t[0], 10000);
    task_submit(a, &c, &t[1], 10000);
    for (int i = 0; i < 10000 && state.retried == before; i++, append_state(a, &state))
        usleep(1000);
    run_sql(other, &commit);
    crowd_wait(&c);
    ok(t[0].e == ERR_OK && t[0].decided > 1, "a locked row sends the operation to a next batch (%d tries)",
       t[0].decided);
    ok(t[1].e == ERR_OK && t[1].decided == 1, "its neighbor is not disturbed");
    tasks_free(t, 2);
    run_sql(other, &begin);
    run_sql(other, &take);
    t[0].also = &take;
    t[0].entries = 1;
    task_submit(a, &c, &t[0], 10000);
    crowd_wait(&c);
    ok(t[0].e == ERR_BUSY && t[0].decided == BATCH_RETRIES_MAX + 1, "a bounded number of times");
    run_sql(other, &commit);
    append_state(a, &state);
    ok(state.retried >= BATCH_RETRIES_MAX, "and counted");
    tasks_free(t, 1);
    db_close(other);
    ok(tree_sound(db), "the tree is sound");
}

static void test_deadline(struct append *a, struct db *db)
{
    struct crowd c = CROWD;
    static struct task t[3];
    int64_t entries = number_of(db, &count_entries);
    bool told;

    run_sql(db, &lock_log);
    t[0].entries = t[1].entries = 1;
    task_submit(a, &c, &t[0], 150);
    task_submit(a, &c, &t[1], 60000);
    access_submit(a, &c, &t[2], KEY_ID, LICENSE, "item/7", 200);
    told = crowd_shrinks(&c, 1);
    run_sql(db, &unlock_log);
    crowd_wait(&c);
    ok(told && t[0].e == ERR_BUSY, "a deadline while the lock is away: not done, told before it is back");
    ok(told && t[2].e == ERR_BUSY, "the same for an access");
    ok(t[1].e == ERR_OK, "who can wait is done");
    is_int(number_of(db, &count_entries), entries + 1, "and nobody else");
    tasks_free(t, 3);
}

static void test_wait(struct append *a)
{
    struct crowd c = CROWD;
    struct task t[2] = { 0 };

    for (size_t i = 0; i < 2; i++) {
        crowd_join(&c, &t[i], 100);
        t[i].wait = (struct append_wait){ .index = i ? append_signed_size(a) + 5 : 0, .scope = &t[i].scope,
                                          .done = wait_done, .arg = &t[i] };
        append_wait(a, &t[i].wait);
    }
    crowd_wait(&c);
    ok(t[0].e == ERR_OK, "a signed index is not waited for");
    is_int(t[1].e, ERR_UNKNOWN_OUTCOME, "an index that is not signed in time");
    tasks_free(t, 2);
}

int main(int argc, char **argv)
{
    struct ground g;
    struct append *a;
    struct db *db;

    ground_signer(argc, argv);
    log_open("test", LOG_INFO);
    if (!ground_up(&g))
        return done_testing();
    test_open_twice(&g);
    a = ground_append(&g, true);
    db = session(&g);
    test_many(a, db);
    test_salts(a, db);
    test_refusals(a, db);
    test_idempotency(a, db);
    test_row_lock(a, &g, db);
    test_deadline(a, db);
    test_wait(a);
    test_kept_tiles(a, db);
    append_close(a, 2000);
    db_close(db);
    ground_down(&g);
    return done_testing();
}
