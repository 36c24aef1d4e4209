/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ledger/append/ground.h"

/* The signer away, late, ahead, alarmed; a database that lost what was signed. */

static const struct sql count_entries = { "test_entries", "SELECT count(*) AS n FROM entry" };
static const struct sql count_unsigned = {
    "test_unsigned", "SELECT count(*) AS n FROM tree_head WHERE size > (SELECT max(size) FROM checkpoint)" };

static struct append_state state_of(struct append *a)
{
    struct append_state state;

    append_state(a, &state);
    return state;
}

static bool until(struct append *a, bool (*good)(struct append *a))
{
    for (int i = 0; i < 3000 && !good(a); i++)
        usleep(10000);
    return good(a);
}

static bool caught_up(struct append *a) { return !state_of(a).behind; }
static bool is_halted(struct append *a) { return state_of(a).halted; }

/* The tree after the stored entries and `more` foreign ones: what a forged or foreign history would ask for. */
static err forge(struct ground *g, struct db *db, uint64_t size, unsigned more, bool honest_proof,
                 struct signer_answer *out)
{
    struct hash_source source = append_hash_source(db);
    struct hash leaves[8];
    struct frontier f, g2;
    struct proof proof = { 0 };
    struct signer signer;
    struct hash root;
    err e;

    TRY(frontier_load(&g->scope, &source, size, &f));
    g2 = f;
    for (unsigned i = 0; i < more; i++) {
        leaves[i] = leaf_hash("forged", 6 - i);
        frontier_append(&g2, leaves[i]);
    }
    proof_extension(&f, leaves, more, &proof);
    if (!honest_proof)
        proof.hash[0].b[0] ^= 1;
    root = frontier_root(&g2);
    signer_init(&signer, g->socket);
    e = signer_sign(&g->scope, &signer, size, size + more, &root, &proof, out);
    signer_close(&signer);
    return e;
}

static void test_signer_away(struct ground *g)
{
    struct append *a = ground_append(g, true);
    struct db *db = session(g);
    struct crowd c = CROWD;
    static struct task t[6];
    int64_t entries;

    ok(one(a, 5000) == ERR_OK, "with its signer the ledger works");
    entries = number_of(db, &count_entries);
    signer_stop(g);
    for (size_t i = 0; i < 2; i++) {
        t[i].entries = 1;
        snprintf(t[i].key, sizeof t[i].key, "away-%zu", i);
    }
    task_submit(a, &c, &t[0], 2000);
    crowd_wait(&c);
    is_int(t[0].e, ERR_UNKNOWN_OUTCOME, "the batch that was committed without a signature: outcome unknown");
    task_submit(a, &c, &t[1], 30000);
    crowd_wait(&c);
    ok(t[1].e == ERR_BUSY && t[1].took_ms >= 1500 && t[1].took_ms < 15000,
       "the next one waits, and is not done (%d ms)", (int)t[1].took_ms);
    ok(state_of(a).behind, "the process is behind");
    t[2].entries = 1;
    task_submit(a, &c, &t[2], 10000);
    access_submit(a, &c, &t[3], KEY_ID, LICENSE, "item/50", 10000);
    crowd_wait(&c);
    ok(t[2].e == ERR_BUSY && t[2].took_ms < 1500 && t[3].e == ERR_BUSY && t[3].took_ms < 1500,
       "later ones are refused at once");
    is_int(number_of(db, &count_entries), entries + 1, "one batch is unsigned, no more");
    signer_start(g);
    ok(until(a, caught_up), "when the signer is back, so is the ledger");
    tasks_free(&t[2], 2);
    snprintf(t[2].key, sizeof t[2].key, "away-0");
    snprintf(t[3].key, sizeof t[3].key, "away-1");
    t[2].entries = t[3].entries = 1;
    task_submit(a, &c, &t[2], 5000);
    task_submit(a, &c, &t[3], 5000);
    crowd_wait(&c);
    ok(t[2].e == ERR_OK && t[2].op.replayed, "a repeat of the unknown one finds its answer");
    ok(t[3].e == ERR_OK && !t[3].op.replayed, "a repeat of the one not done does it");
    is_int(number_of(db, &count_entries), entries + 2, "each once");
    ok(tree_sound(db), "the tree is sound");
    tasks_free(t, 4);
    append_close(a, 2000);
    db_close(db);
}

static void test_alarm_of_others(struct ground *g)
{
    struct append *a = ground_append(g, true);
    struct db *db = session(g);
    struct signer_answer answer;

    ok(one(a, 5000) == ERR_OK && forge(g, db, append_signed_size(a), 2, false, &answer) == ERR_OK &&
       answer.verdict == SIGNER_ALARM, "a false proof raises an alarm");
    ok(one(a, 5000) == ERR_OK, "and stops nobody else");
    append_close(a, 2000);
    db_close(db);
}

/* Somebody signed our head and died before storing it. */
static void test_signed_elsewhere(struct ground *g)
{
    struct append *a = ground_append(g, false), *b;
    struct db *db = session(g);
    struct hash_source source = append_hash_source(db);
    struct signer_answer answer;
    struct signer signer;
    struct log_view view;
    struct proof proof;
    struct crowd c = CROWD;
    static struct task t[1];
    err e = ERR_OK;

    t[0].entries = 3;
    task_submit(a, &c, &t[0], 30000);
    for (int i = 0; i < 1000 && number_of(db, &count_unsigned) == 0; i++)
        usleep(10000);
    signer_init(&signer, g->socket);
    if (log_view(&g->scope, db, &view) != ERR_OK ||
        proof_consistency(&g->scope, &source, (uint64_t)view.signed_size, (uint64_t)view.size, &proof) != ERR_OK)
        e = ERR_INTERNAL;
    if (e == ERR_OK)
        e = signer_sign(&g->scope, &signer, (uint64_t)view.signed_size, (uint64_t)view.size, &view.root, &proof,
                        &answer);
    signer_close(&signer);
    ok(e == ERR_OK && answer.verdict == SIGNER_SIGNED, "a head is signed by one that dies before it stores it");
    b = ground_append(g, true);
    crowd_wait(&c);
    ok(t[0].e == ERR_OK && append_signed_size(b) == (uint64_t)view.size, "the next eligible process stores it");
    ok(one(b, 5000) == ERR_OK && one(a, 5000) == ERR_OK, "and all go on, those without a signer too");
    ok(tree_sound(db), "the tree is sound");
    tasks_free(t, 1);
    append_close(a, 2000);
    append_close(b, 2000);
    db_close(db);
}

/* `believed`: there is a checkpoint that the log's key has signed, so that reads go on below it. */
static void is_stopped(struct append *a, struct ground *g, const char *name, bool believed)
{
    struct crowd c = CROWD;
    static struct task t[2];
    struct db *db = session(g);
    int64_t entries = number_of(db, &count_entries);
    uint64_t size = append_signed_size(a);

    ok(until(a, is_halted), "%s halts the ledger: %s", name, state_of(a).halt_why);
    t[0].entries = 1;
    task_submit(a, &c, &t[0], 5000);
    access_submit(a, &c, &t[1], KEY_ID, LICENSE, "item/60", 5000);
    crowd_wait(&c);
    ok(t[0].e == ERR_HALTED && t[1].e == ERR_HALTED && t[0].took_ms < 2500, "writes are refused as halted");
    ok(strstr(t[0].scope.why.detail, "tree size") && strstr(t[0].scope.why.detail, "signed size"), "with both sizes");
    is_int(number_of(db, &count_entries), entries, "nothing is appended");
    ok(append_signed_size(a) == size && (size > 0) == believed && !*append_signed(&g->scope, a).note == !believed,
       believed ? "reads go on" : "nothing is served that nobody signed");
    tasks_free(t, 2);
    db_close(db);
}

static void test_signer_ahead(void)
{
    struct ground g;
    struct append *a;
    struct db *db;
    struct signer_answer answer;
    err e;

    if (!ground_up(&g))
        return;
    a = ground_append(&g, true);
    db = session(&g);
    ok(one(a, 5000) == ERR_OK && forge(&g, db, append_signed_size(a), 1, true, &answer) == ERR_OK &&
       answer.verdict == SIGNER_SIGNED, "a thief with the socket has another history signed");
    e = one(a, 3000);
    is_int(e, ERR_UNKNOWN_OUTCOME, "our own batch of that size was committed: outcome unknown");
    is_stopped(a, &g, "another root of the same size", true);
    append_close(a, 500);
    a = ground_append(&g, true);
    is_stopped(a, &g, "a restart without a cure", true);
    append_close(a, 500);
    db_close(db);
    ground_down(&g);
}

/* The database as it was before the last entries; `grown`: past the signer again, by another history. */
static void test_restored(bool grown)
{
    struct ground g;
    struct append *a;
    char *dsn;
    struct crowd c = CROWD;
    static struct task t[1];

    if (!ground_up(&g))
        return;
    a = ground_append(&g, true);
    ok(one(a, 5000) == ERR_OK, "a ledger of some entries");
    append_close(a, 2000);
    sql(g.admin, scope_printf(&g.scope, "CREATE DATABASE %s_old TEMPLATE %s", g.name, g.name));
    a = ground_append(&g, true);
    ok(one(a, 5000) == ERR_OK && one(a, 5000) == ERR_OK, "goes on after a backup");
    append_close(a, 2000);
    dsn = g.dsn;
    g.dsn = scope_printf(&g.scope, "%s dbname=%s_old", g.admin, g.name);
    if (grown) {
        a = ground_append(&g, false);
        t[0].entries = 7;
        task_submit(a, &c, &t[0], 1500);
        crowd_wait(&c);
        tasks_free(t, 1);
        append_close(a, 100);
    }
    a = ground_append(&g, true);
    is_stopped(a, &g, grown ? "a restored database that grew past the signer" : "a restored database", true);
    append_close(a, 500);
    sql(g.admin, scope_printf(&g.scope, "DROP DATABASE %s_old", g.name));
    g.dsn = dsn;
    ground_down(&g);
}

static void test_went_back(void)
{
    struct ground g;
    struct append *a;

    if (!ground_up(&g))
        return;
    a = ground_append(&g, true);
    ok(one(a, 5000) == ERR_OK && one(a, 5000) == ERR_OK, "entries");
    sql(g.dsn, "DELETE FROM checkpoint WHERE size > 3; DELETE FROM tree_head WHERE size > 3;"
               " DELETE FROM entry WHERE index > 2");
    is_stopped(a, &g, "a database that goes back while we look", true);
    append_close(a, 500);
    ground_down(&g);
}

static void test_tampered(const char *change, const char *name, bool believed)
{
    struct ground g;
    struct append *a;

    if (!ground_up(&g))
        return;
    sql(g.dsn, change);
    a = ground_append(&g, true);
    is_stopped(a, &g, name, believed);
    append_close(a, 500);
    ground_down(&g);
}

int main(int argc, char **argv)
{
    struct ground g;

    ground_signer(argc, argv);
    log_open("test", LOG_INFO);
    if (!ground_up(&g))
        return done_testing();
    test_signer_away(&g);
    test_alarm_of_others(&g);
    test_signed_elsewhere(&g);
    ground_down(&g);
    test_signer_ahead();
    test_restored(false);
    test_restored(true);
    test_went_back();
    test_tampered("UPDATE entry SET bytes = set_byte(bytes, 20, get_byte(bytes, 20) # 1) WHERE index = 1",
                  "a bit that flipped in a stored entry", true);
    test_tampered("DELETE FROM entry WHERE index = 1", "a missing entry", true);
    test_tampered("UPDATE checkpoint SET note = translate(note, 'ABCDEFGHIJKLM', 'BCDEFGHIJKLMN') WHERE size = 2",
                  "a changed checkpoint", false);
    return done_testing();
}
