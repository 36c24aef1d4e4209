/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ledger/append/state.h"
#include "ledger/rules/access.h"
#include "schema/base/limits.h"
#include "schema/base/log.h"
#include "schema/store/access.h"

#define SHARE_SLOTS (BATCH_ACCESSES_MAX * 2)      /* a power of two */

/* Who in this batch recorded which license and item: the others share the entry. Slot numbers plus one. */
struct shares { uint16_t slot[SHARE_SLOTS]; };

static uint64_t text_hash(uint64_t h, const char *text)
{
    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return h;
}

/* The place, from 1, of the pair of key and license that slot i asks with; new pairs are added. */
static int64_t who_asks(struct append_batch *b, size_t i, struct shares *seen, struct access_questions *q)
{
    const struct access_slot *x = &b->accesses[i];
    uint64_t at = text_hash(text_hash(UINT64_C(0xcbf29ce484222325), x->key_id), x->license_id);

    for (at ^= at >> 32;; at++) {
        uint16_t *slot = &seen->slot[at % SHARE_SLOTS];

        if (*slot == 0) {
            q->keys[q->n_who] = x->key_id;
            q->licenses[q->n_who] = x->license_id;
            *slot = (uint16_t)++q->n_who;
            return *slot;
        }
        if (strcmp(q->keys[*slot - 1], x->key_id) == 0 && strcmp(q->licenses[*slot - 1], x->license_id) == 0)
            return *slot;
    }
}

err accesses_ask(struct append_batch *b, struct pipe_result *result)
{
    struct scope *s = &b->scope;
    struct shares *seen = NEW(s, struct shares);
    int64_t *who = NEWS(s, int64_t, b->n_accesses);
    struct access_questions q = {
        .keys = NEWS(s, const char *, b->n_accesses), .licenses = NEWS(s, const char *, b->n_accesses),
        .paths = NEWS(s, const char *, b->n_accesses), .who = who, .n = b->n_accesses,
    };

    for (size_t i = 0; i < b->n_accesses; i++) {
        who[i] = who_asks(b, i, seen, &q);
        q.paths[i] = b->accesses[i].path;
    }
    return access_facts_send(s, b->a->db, &q, result);
}

static enum access_verdict judge(const struct append_batch *b, const struct access_slot *slot,
                                 const struct access_facts_row *row)
{
    enum license_state license = LICENSE_ENDED;     /* a state that these rules don't know grants nothing */
    struct access_facts facts = {
        .key_known = row->key_known,
        .key_matches = bytes_equal_constant_time(row->key_digest.b, slot->key_digest.b, HASH_SIZE),
        .key_in_scope = row->key_reads,
        .key_revoked = row->key_revoked,
        .key_expires = row->key_expires_at == INT64_MIN ? 0 : row->key_expires_at,
        .party_active = row->party_active,
        .license_known = row->license_known,
        .caller_is_buyer = row->caller_is_buyer,
        .from = row->valid_from, .until = row->valid_until,
        .item_known = row->item_known,
        .content = content_state_parse(row->content_state),
        .uncleared_rules = b->rules < 2, .cleared = row->clearance != NULL, .clearance_until = row->clearance_until,
        .excluded = row->excluded != NULL, .withdrawn = row->withdrawn != NULL,
        .opened = row->window_known, .opened_at = row->window_at,
    };

    if (!row->license_state || !license_state_parse(row->license_state, &license))
        license = LICENSE_ENDED;
    facts.license = license;
    return access_decide(&facts, b->at_ms);
}

/* The slot that stands first for this license and item, `mine` if none did before. */
static size_t share(struct append_batch *b, struct shares *shares, size_t mine)
{
    const struct access_slot *x = &b->accesses[mine];
    uint64_t at = ((uint64_t)x->license_no * UINT64_C(0x9e3779b97f4a7c15) + (uint32_t)x->item) *
                  UINT64_C(0xbf58476d1ce4e5b9) >> 32;

    for (;; at++) {
        uint16_t *slot = &shares->slot[at % SHARE_SLOTS];

        if (*slot == 0) {
            *slot = (uint16_t)(mine + 1);
            return mine;
        }
        if (b->accesses[*slot - 1].license_no == x->license_no && b->accesses[*slot - 1].item == x->item)
            return *slot - 1u;
    }
}

static err record(struct append_batch *b, struct access_slot *x)
{
    struct named_value values[] = {
        { "bytes", EV_COUNT((uint64_t)x->size) },
        { "item_hash", EV_HASH(&x->sha256) },
        { "item_number", EV_COUNT((uint64_t)x->item) },
        { "key", EV_TEXT(x->key_id) },
        { "license", EV_TEXT(x->license_id) },
        { "clearance", x->clearance ? EV_TEXT(x->clearance) : (struct entry_value){ .kind = V_ABSENT } },
    };

    return batch_add_entry(&b->scope, b, ENTRY_ACCESS_RECORDED, values, ARRAY_LEN(values), &x->index);
}

/* Claimed: from here on its deadline can only say "unknown". False if it was answered before. */
static bool claim(struct append_batch *b, struct access_slot *x)
{
    bool live;

    pthread_mutex_lock(&b->a->lock);
    live = x->access != NULL;
    x->claimed = live;
    pthread_mutex_unlock(&b->a->lock);
    return live;
}

static void record_or_share(struct append_batch *b, struct access_slot *x, const struct access_slot *first)
{
    if (first != x) {
        x->outcome = ACCESS_IN_WINDOW;
        x->index = first->index;
        x->verdict = first->verdict;
        x->detail = first->detail;
        return;
    }
    x->outcome = ACCESS_RECORDED;
    x->verdict = record(b, x);
    if (x->verdict == ERR_FROZEN) {
        scope_forgive(&b->scope);
        x->detail = FROZEN_SENTENCE;
    } else if (x->verdict != ERR_OK) {
        log_why(LOG_ERROR, "an access could not be encoded", &b->scope);
        scope_forgive(&b->scope);
        x->detail = "the access could not be recorded";
    }
}

static void decide(struct append_batch *b, struct shares *shares, const struct access_facts_row *row)
{
    struct access_slot *x = &b->accesses[row->no - 1];
    enum access_verdict v = judge(b, x, row);

    x->verdict = access_error(v);
    x->detail = v == GATE_ITEM_EXCLUDED ? access_excluded(&b->scope, row->excluded) : access_sentence(v);
    if (!access_granted(v)) {
        x->reason = access_code(v);
        return;
    }
    x->sha256 = row->sha256;
    x->size = row->size;
    x->media_type = row->media_type;
    x->license_no = row->license_no;
    x->item = row->item;
    x->clearance = b->rules >= 2 ? row->clearance : NULL;
    if (v == GATE_IN_WINDOW) {
        x->outcome = ACCESS_IN_WINDOW;
        x->index = (uint64_t)row->window_index;
    } else if (claim(b, x)) {
        record_or_share(b, x, &b->accesses[share(b, shares, (size_t)row->no - 1)]);
    }
    if (x->verdict == ERR_OK && (x->claimed || v == GATE_IN_WINDOW))
        x->need = x->index + 1;
}

err accesses_decide(struct append_batch *b, const struct pipe_result *result)
{
    struct shares *shares = NEW(&b->scope, struct shares);
    const struct access_facts_row *rows = result->rows;

    if (result->n != b->n_accesses)
        return fail(&b->scope, ERR_INTERNAL, "facts of %zu of %zu accesses came back", result->n, b->n_accesses);
    for (size_t i = 0; i < result->n; i++) {
        if (rows[i].no < 1 || (size_t)rows[i].no > b->n_accesses)
            return fail(&b->scope, ERR_INTERNAL, "facts of access %lld came back", (long long)rows[i].no);
        decide(b, shares, &rows[i]);
    }
    return ERR_OK;
}

err accesses_write(struct append_batch *b, struct pipe_result *results, size_t *n)
{
    struct scope *s = &b->scope;
    int64_t *licenses = NEWS(s, int64_t, b->n_accesses), *indexes = NEWS(s, int64_t, b->n_accesses);
    int32_t *items = NEWS(s, int32_t, b->n_accesses);
    size_t count = 0;

    for (size_t i = 0; i < b->n_accesses; i++) {
        const struct access_slot *x = &b->accesses[i];

        if (!x->claimed || x->verdict != ERR_OK || x->outcome != ACCESS_RECORDED)
            continue;
        licenses[count] = x->license_no;
        items[count] = x->item;
        indexes[count++] = (int64_t)x->index;
    }
    if (count == 0)
        return ERR_OK;
    results[(*n)++] = (struct pipe_result){ 0 };
    return access_add_send(s, b->a->db, licenses, items, indexes, count, b->at_ms);
}
