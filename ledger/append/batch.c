/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/append/state.h"
#include "schema/json/canon.h"
#include "schema/base/limits.h"
#include "schema/base/random.h"

#define SALTS_DRAWN 256            /* A system call for each entry took a tenth of the committer's time. */
_Static_assert(SALTS_DRAWN >= ENTRY_FIELDS_MAX, "the salts of an entry are drawn at once");

struct append_batch *batch_take(struct append *a)
{
    struct append_batch *b;
    struct append_access *x = a->accesses;
    size_t n = 0;

    if (a->n_queued == 0)
        return NULL;
    b = calloc(1, sizeof *b);
    if (!b)
        abort();
    b->a = a;
    scope_init(&b->scope, BATCH_MS);
    while (a->ops && b->n_ops < BATCH_OPERATIONS_MAX) {
        b->ops[b->n_ops++] = (struct op_slot){ .op = a->ops };
        a->ops = a->ops->next;
    }
    if (!a->ops)
        a->ops_end = &a->ops;
    for (; x && n < BATCH_ACCESSES_MAX; x = x->next)
        n++;
    b->accesses = NEWS(&b->scope, struct access_slot, n);
    while (b->n_accesses < n) {
        b->accesses[b->n_accesses++].access = a->accesses;
        a->accesses = a->accesses->next;
    }
    if (!a->accesses)
        a->accesses_end = &a->accesses;
    a->n_queued -= b->n_ops + n;
    a->taken = true;
    return b;
}

/* Until it is linked nobody else knows the batch, so its questions can be copied without the lock. */
void batch_link(struct append_batch *b)
{
    for (size_t i = 0; i < b->n_accesses; i++) {
        struct access_slot *slot = &b->accesses[i];

        slot->key_id = scope_strdup(&b->scope, slot->access->key_id);
        slot->license_id = scope_strdup(&b->scope, slot->access->license_id);
        slot->path = scope_strdup(&b->scope, slot->access->path);
        slot->key_digest = slot->access->key_digest;
    }
    pthread_mutex_lock(&b->a->lock);
    b->a->current = b;
    b->a->taken = false;
    pthread_mutex_unlock(&b->a->lock);
}

static void *grown(struct scope *s, void *items, size_t n, size_t *cap, size_t size)
{
    void *more;

    if (n < *cap)
        return items;
    *cap = *cap ? *cap * 2 : 64;
    more = scope_alloc(s, *cap * size, _Alignof(max_align_t));
    if (n)
        memcpy(more, items, n * size);
    return more;
}

/* One salt for each private field of a table row. They are drawn for many rows at a time, and none is given twice. */
static const uint8_t (*salts_for(struct append_batch *b, enum entry_type type))[SALT_SIZE]
{
    size_t n = entry_salts(type);

    if (!b->salts || b->salts_given + n > SALTS_DRAWN) {
        b->salts = scope_alloc(&b->scope, SALTS_DRAWN * SALT_SIZE, 1);
        random_bytes(b->salts, SALTS_DRAWN * SALT_SIZE);
        b->salts_given = 0;
    }
    b->salts_given += n;
    return (const uint8_t (*)[SALT_SIZE])&b->salts[b->salts_given - n];
}

err batch_add_entry(struct scope *s, struct append_batch *b, enum entry_type type, const struct named_value *values,
                    size_t n_values, uint64_t *index)
{
    struct encoded_entry coded;
    err e = b->frozen ? fail(&b->scope, ERR_FROZEN, FROZEN_SENTENCE)
          : entry_encode(&b->scope, type, b->at_ms, b->rules, values, n_values, salts_for(b, type), &coded);

    if (e != ERR_OK && s != &b->scope) {
        e = fail(s, e, "%s", b->scope.why.detail);
        scope_forgive(&b->scope);
    }
    TRY(e);
    b->entries = grown(&b->scope, b->entries, b->n_entries, &b->cap_entries, sizeof *b->entries);
    b->entries[b->n_entries] = (struct new_entry){
        .type = type, .bytes = coded.bytes, .disclosures = coded.disclosures,
        .leaf = leaf_hash(coded.bytes.p, coded.bytes.len),
    };
    *index = b->first + b->n_entries++;
    return ERR_OK;
}

err append_entry(struct scope *s, struct append_txn *t, enum entry_type type, const struct named_value *values,
                 size_t n_values, uint64_t *index)
{
    struct append_batch *b = t->batch;

    if (t->op->n_entries >= OPERATION_ENTRIES_MAX)
        return fail(s, ERR_TOO_LARGE, "an operation writes at most %d entries", OPERATION_ENTRIES_MAX);
    TRY(batch_add_entry(s, b, type, values, n_values, index));
    if (t->op->n_entries++ == 0)
        t->op->first_index = *index;
    return ERR_OK;
}

unsigned append_rules_version(const struct append_txn *t)
{
    return t->batch->rules;
}

err append_rules(struct scope *s, struct append_txn *t, unsigned version, uint64_t *index)
{
    struct append_batch *b = t->batch;
    const char *text = scope_printf(s, "{\"entry\":1,\"rules\":%u}", version);
    struct bytes json = { (const uint8_t *)text, strlen(text) };
    struct named_value values[] = { { "versions", EV_JSON(json) } };

    if (version != b->rules + 1 || version > RULES_VERSION)
        return fail(s, ERR_CONFLICT, "the log is under rules version %u", b->rules);
    b->rules = version;
    TRY(append_entry(s, t, ENTRY_RULES_CHANGED, values, ARRAY_LEN(values), index));
    return log_rules_add(s, t->db, (int32_t)version, *index);
}

err append_issuer(struct scope *s, struct append_txn *t, char did[DID_KEY_SIZE])
{
    struct note_key key;
    struct log_row log;

    TRY(log_load(s, t->db, &log));
    if (!note_key_parse(log.issuer_key, &key))
        return fail(s, ERR_CORRUPT, "the issuer's key cannot be read");
    did_key(&key.key, did);
    return ERR_OK;
}

err append_issuer_change(struct scope *s, struct append_txn *t, const char *vkey, uint64_t *index)
{
    struct named_value values[] = { { "issuer_key", EV_TEXT(vkey) } };

    TRY(append_entry(s, t, ENTRY_ISSUER_KEY_CHANGED, values, ARRAY_LEN(values), index));
    return log_issuer_add(s, t->db, *index, vkey);
}

err append_freeze(struct scope *s, struct append_txn *t, const struct note_key *successor, uint64_t *index)
{
    struct named_value values[] = { { "successor", { .kind = V_JSON } } };
    const char *vkey = note_key_text(s, successor);
    json_t *json = json_pack("{s:s, s:s}", "key", vkey, "origin", successor->name);
    err e = canon(s, json, &values[0].value.v.json);

    json_decref(json);
    TRY(e);
    TRY(append_entry(s, t, ENTRY_LOG_FROZEN, values, ARRAY_LEN(values), index));
    t->batch->frozen = true;
    return log_freeze(s, t->db, *index, vkey);
}

/* A document that was prepared before the issuer's key changed would be one that nobody signs. */
static err issuer_check(struct scope *s, struct append_txn *t, struct bytes document)
{
    char did[DID_KEY_SIZE], *member;

    TRY(append_issuer(s, t, did));
    member = scope_printf(s, "\"issuer\":\"%s\"", did);
    if (!memmem(document.p, document.len, member, strlen(member)))
        return fail(s, ERR_CONFLICT, "the issuer's key has changed since this document was made");
    return ERR_OK;
}

err append_document(struct scope *s, struct append_txn *t, uint64_t index, const struct hash *hash,
                    struct bytes document)
{
    struct append_batch *b = t->batch;

    if (t->op->n_entries == 0 || index < t->op->first_index || index >= t->op->first_index + t->op->n_entries)
        return fail(s, ERR_INTERNAL, "a document is stored with an entry of its own operation");
    TRY(issuer_check(s, t, document));
    b->documents = grown(&b->scope, b->documents, b->n_documents, &b->cap_documents, sizeof *b->documents);
    b->documents[b->n_documents++] = (struct new_document){
        .index = index, .hash = *hash, .bytes = { scope_memdup(&b->scope, document.p, document.len), document.len },
    };
    return ERR_OK;
}

/* ---- writing */

struct subtrees { int32_t *level; int64_t *n; struct bytes *hash; size_t count; };

/*
 * The complete subtrees of 256^L leaves that a leaf at place f->size completes: its hash is folded with the edges of
 * the frontier, smallest first, and every eighth step is one.
 */
static void subtrees_completed(struct scope *s, const struct frontier *f, struct hash node, struct subtrees *out)
{
    size_t edges = frontier_edges(f);
    uint64_t size = f->size;

    for (unsigned bit = 0; size >> bit & 1; bit++) {
        node = node_hash(&f->edge[--edges], &node);
        if ((bit + 1) % 8 == 0) {
            out->level[out->count] = (int32_t)(bit + 1) / 8;
            out->n[out->count] = (int64_t)(size >> (bit + 1));
            out->hash[out->count++] = (struct bytes){ scope_memdup(s, node.b, HASH_SIZE), HASH_SIZE };
        }
    }
}

static void grow_tree(struct append_batch *b, struct frontier *f, struct subtrees *done)
{
    size_t most = (b->n_entries / TILE_WIDTH + 1) * 6;

    done->level = NEWS(&b->scope, int32_t, most);
    done->n = NEWS(&b->scope, int64_t, most);
    done->hash = NEWS(&b->scope, struct bytes, most);
    for (size_t i = 0; i < b->n_entries; i++) {
        if (f->size % TILE_WIDTH == TILE_WIDTH - 1)
            subtrees_completed(&b->scope, f, b->entries[i].leaf, done);
        frontier_append(f, b->entries[i].leaf);
    }
    b->root = frontier_root(f);
}

static err send_entries(struct append_batch *b, struct db *db, struct pipe_result *results, size_t *n)
{
    struct scope *s = &b->scope;
    const char **types = NEWS(s, const char *, b->n_entries);
    struct bytes *bytes = NEWS(s, struct bytes, b->n_entries), *disclosures = NEWS(s, struct bytes, b->n_entries);
    int64_t *indexes = NEWS(s, int64_t, b->n_entries);
    size_t private = 0;

    for (size_t i = 0; i < b->n_entries; i++) {
        types[i] = entry_spec(b->entries[i].type)->name;
        bytes[i] = b->entries[i].bytes;
        if (b->entries[i].disclosures.len == 0)
            continue;
        indexes[private] = (int64_t)(b->first + i);
        disclosures[private++] = b->entries[i].disclosures;
    }
    TRY(log_entries_send(s, db, b->first, types, bytes, b->n_entries, &results[(*n)++]));
    if (private == 0)
        return ERR_OK;
    results[(*n)++] = (struct pipe_result){ 0 };
    return log_disclosures_send(s, db, indexes, disclosures, private);
}

static err send_documents(struct append_batch *b, struct db *db)
{
    struct scope *s = &b->scope;
    struct bytes *hashes = NEWS(s, struct bytes, b->n_documents), *bytes = NEWS(s, struct bytes, b->n_documents);
    int64_t *indexes = NEWS(s, int64_t, b->n_documents);

    for (size_t i = 0; i < b->n_documents; i++) {
        hashes[i] = (struct bytes){ b->documents[i].hash.b, HASH_SIZE };
        bytes[i] = b->documents[i].bytes;
        indexes[i] = (int64_t)b->documents[i].index;
    }
    return log_documents_send(s, db, hashes, indexes, bytes, b->n_documents);
}

/* The database hashed what it stored; a bit that flipped on either side shows here, before it can be signed. */
static err compare_leaves(struct append_batch *b, const struct pipe_result *result)
{
    const struct leaf_row *rows = result->rows;

    if (result->n != b->n_entries)
        return fail(&b->scope, ERR_INTERNAL, "%zu of %zu entries came back", result->n, b->n_entries);
    for (size_t i = 0; i < result->n; i++) {
        uint64_t place = (uint64_t)rows[i].index - b->first;

        if (place >= b->n_entries || !hash_equal(&rows[i].leaf, &b->entries[place].leaf)) {
            halt(b->a, "the database hashed entry %lld otherwise than we did", (long long)rows[i].index);
            return fail(&b->scope, ERR_HALTED, "leaf hashes differ");
        }
    }
    return ERR_OK;
}

err batch_write(struct append_batch *b, struct frontier *f)
{
    struct pipe_result results[8];
    struct subtrees done = { 0 };
    struct db *db = b->a->db;
    size_t n = 0;

    assert(f->size == b->first && b->n_entries > 0);
    grow_tree(b, f, &done);
    TRY(send_entries(b, db, results, &n));
    TRY(accesses_write(b, results, &n));
    if (b->n_documents > 0) {
        TRY(send_documents(b, db));
        results[n++] = (struct pipe_result){ 0 };
    }
    if (done.count > 0) {
        TRY(log_subtrees_send(&b->scope, db, done.level, done.n, done.hash, done.count));
        results[n++] = (struct pipe_result){ 0 };
    }
    TRY(log_head_send(&b->scope, db, f->size, &b->root, b->at_ms));
    results[n++] = (struct pipe_result){ 0 };
    TRY(db_pipe_run(&b->scope, db, results, n));
    return compare_leaves(b, &results[0]);
}
