/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "ledger/audit/draw.h"
#include "ledger/entry/entry.h"
#include "ledger/note/policy.h"
#include "ledger/tree/tile.h"

/*
 * Audit: replays a log, its tree and the rules of its entries. Pure: what it
 * reads comes through a source of three functions, and it starts no thread.
 * All three are called by the thread of audit_run(); tile() also by whatever
 * threads the caller lets read bundles ahead (config->bundle, audit_bundle_read()):
 * then it must bear being called by all of them at once.
 *
 *   struct audit *a;
 *   TRY(audit_new(&s, &config, &a));                   // or audit_load() to go on from a saved state
 *   e = audit_run(&s, a, &source, &report);
 *   e == ERR_OK && report.findings == 0                // sound (exit 0)
 *   e == ERR_OK && report.findings > 0                 // findings (exit 1)
 *   e != ERR_OK                                        // could not check (exit 2): the source failed
 *   if (e == ERR_OK && report.advanced) save(audit_save(&s, a));
 *   audit_free(a);
 *
 * One run goes from the state's checkpoint (at first: the empty tree) to the
 * one that the source gives. It reads each bundle from there on once, in order,
 * and compares every tile that is new.
 *
 * Memory is bounded by what is live, not by the log's length: accesses, nearly
 * all of a log, leave nothing behind but, where their items are disclosed, 24
 * bytes for as long as the window that they open. Kept are: parties, published
 * versions, open offers, payments (for good: a refund may come late), licenses
 * that have not ended, consents that were not revoked, live clearances, payouts
 * that have not failed, accounts whose lines were fetched (24 to 150 bytes each), and 16
 * bytes for each id whose life is over, so that it is never used again. Where
 * the reader may fetch them, the rows of live clearances take 16 bytes each, and
 * 16 for each consent of a set, consents that a clearance has rested on 110 more, and the lists of one version, of at
 * most AUDIT_WEIGHED_ITEMS_MAX items, some 300 bytes each. While a clearance is judged, each of its items takes 32
 * more, and 4 for each consent that it rests on; what a consent covers is read page by page, and not kept. Tables are
 * at most half empty. One bundle and its tiles are in memory at a time, and those that are read ahead.
 */
struct audit;

struct audit_source {
    /* The newest checkpoint as served: a signed note. */
    err (*checkpoint)(struct scope *s, void *arg, struct bytes *note);
    /*
     * What the log serves at <prefix>/`path`: "tile/0/000", "tile/1/000.p/3", "tile/entries/x001/234.p/17".
     * ERR_NOT_FOUND if it serves nothing there: then the full tile is asked for instead of a partial one.
     */
    err (*tile)(struct scope *s, void *arg, const char *path, struct bytes *out);
    /*
     * A document beside the log. "disclosures/<index>": the JSON array of the disclosures of that entry that
     * this reader may see. "clearances/<id>/rows", "allocations/<id>/lines": the list that the entry commits to as
     * JSON Lines, each line a leaf's bytes (ledger/entry/lists.h) and '\n', in the list's order, all of it; or, of a
     * line of an allocation that was erased, {"leaf":"<its hash>"}: then what is asked for next is not of before that.
     * "documents/licenses/<id>", "documents/clearances/<id>", "documents/status-lists/<id>/<instant>":
     * the market's document with its proof; a list in its state of that instant.
     * "consents/<id>": the certificate of a consent as it was accepted. "consents/<id>/coverage": what it covers,
     * leaves as above, all of it or the first page; "consents/<id>/coverage/<hash>": the page after the leaf of that
     * hash.
     * "certificates/<id>", "certificates/<id>/withdrawal": the certificate of sourcing as it was accepted, and the
     * certifier's request to revoke it. "offers/<id>/<revision>": the offer's split and fee, the two documents that
     * its entry has the digests of, each followed by '\n'. "licenses/<id>/details", "licenses/<id>/items": the lists of
     * the version that it is of, whole; "licenses/<id>/document": the license's document in canonical form, without its
     * proof. "allocations/<id>/parties": whose accounts its lines are, {"account":…,"party":…} and '\n' each, in the
     * lines' order.
     * "erasures/<index>": the list of a disclosures.erased. "erased/<index>": the index of the disclosures.erased that
     * took private fields or rows of that entry last, in decimal; asked once, where nothing else explains that they are
     * missing. "receipts/<index>": that entry as a receipt (ledger/entry/receipt.h), if it is beyond the checkpoint.
     * "snapshots/<index>/<currency>/<page>": the leaves of that entry's tree, SNAPSHOT_LEAVES a page, each
     * {"account":…,"balance":…,"n":…,"salt":…} and '\n'; or, of an account that was erased,
     * {"commitment":…,"id":…,"sum":…}.
     * ERR_NOT_FOUND: none; what rests on it counts as not checkable. NULL: a reader without access, nothing is asked.
     */
    err (*document)(struct scope *s, void *arg, const char *name, struct bytes *out);
    void *arg;
};

/*
 * A bundle of 256 entries, or the last one of fewer, as audit_run() replays it: read, hashed, with what the log serves
 * as its hashes. It follows from what the source serves for it alone, so that bundles may be read in any order and by
 * many threads; entries are replayed by audit_run() in theirs.
 */
struct audit_bundle {
    bool served;
    unsigned width, n;                   /* entries that it should hold; that there are: 0 if it doesn't hold them */
    struct bytes entry[TILE_WIDTH];
    struct hash leaf[TILE_WIDTH];
    struct hash root;                    /* of 256 leaves */
    const struct hash *tile;             /* n hashes; NULL: not served whole */
};

/*
 * Any thread, with a scope of its own, which holds what is read: calls src->tile() and nothing else. Precondition:
 * the bundle begins below `size`. Fails only if the source fails.
 */
err audit_bundle_read(struct scope *s, const struct audit_source *src, uint64_t number, uint64_t size,
                      struct audit_bundle *out);

/* What a rule is checked with. */
enum audit_with { WITH_ENTRIES, WITH_LISTS, WITH_DISCLOSURES, WITH_BOTH, WITHS };
const char *audit_with_name(enum audit_with with);      /* "entries", "entries and lists", "disclosures", … */

struct audit_rule { const char *name, *sentence; enum audit_with with; };
enum audit_rule_id {
#define RULE(id, ...) RULE_##id,
#include "ledger/audit/rules.def"
    RULES
};
extern const struct audit_rule audit_rules[RULES];

struct audit_finding {
    enum audit_rule_id rule;
    bool has_index;                      /* false: about the checkpoint or a tile */
    uint64_t index;                      /* of the entry */
    const char *expected, *found;        /* short texts, in the report's scope; ids and numbers, never private values */
    struct audit_finding *next;
};
#define AUDIT_FINDINGS_KEPT 1000         /* more are counted only */

struct audit_report {
    uint64_t from, to;                   /* entries replayed: [from, to) */
    struct checkpoint checkpoint;        /* the one audited, if has_checkpoint: else it was refused */
    bool has_checkpoint;
    uint64_t findings;                   /* in this run; the list has the first AUDIT_FINDINGS_KEPT */
    uint64_t tree_findings;              /* of these, about the checkpoint, the bundles or the tiles */
    struct audit_finding *first;
    uint64_t earlier_findings;           /* of the runs before: a log never becomes sound again */
    uint64_t entries[ENTRY_TYPES];       /* replayed, by type */
    uint64_t disclosed, undisclosed;     /* entries with private fields: opened, or not to be had */
    uint64_t erased_entries;             /* of which private fields or rows are gone, as an erasure's list says */
    uint64_t unshown[RULES], erased[RULES];      /* entries that a rule was not checked on, by why */
    uint64_t listed, unlisted;           /* lists that entries commit to: fetched, or not to be had */
    uint64_t licenses_live, offers_open, parties, versions, consents_live;        /* at the end */
    const char *evidence;                /* fork, rollback, another log: both notes, to be kept; or NULL */
    bool advanced;                       /* the state now stands at `checkpoint`: save it */
};

struct audit_config {
    const char *vkey;                    /* the log's verifier key: given or pinned by the caller */
    const char *named;                   /* the key that the log goes by today; NULL: nobody said. Another: a finding */
    const struct policy *policy;         /* that the checkpoint must meet; NULL: none */
    struct bytes seen;                   /* a checkpoint's note had from elsewhere: of one history with it; or empty */
    struct draw *draw;                   /* filled with accesses of this run; NULL: none are drawn */
    bool whole;                          /* the source shows its reader all that is private: what is missing is found */
    const struct audit *predecessor;     /* the audit of the log before, loaded; NULL: not to be compared with one */
    int64_t now_ms;                      /* the reader's clock; needed with `whole` */
    uint64_t seed;                       /* random: keys the hash tables, so that no log can choose its collisions */
    /*
     * Gives one bundle after the other as audit_bundle_read() makes it, from a number to the one that holds entry
     * `size` - 1, good until the next call: by whom it is read ahead. Its error is the source's. NULL: audit_run()
     * reads each itself.
     */
    err (*bundle)(struct scope *s, void *arg, uint64_t number, uint64_t size, const struct audit_bundle **out);
    void *bundle_arg;
    void (*progress)(void *arg, uint64_t done, uint64_t size);    /* first, and after each bundle */
    void *progress_arg;
};

/* ERR_INVALID: the config has no verifier key. */
err  audit_new(struct scope *s, const struct audit_config *config, struct audit **out);
void audit_free(struct audit *a);                                                             /* NULL is fine */
/*
 * ERR_OK: checked to the end, the report says what was found. ERR_STALE: the checkpoint served is older than one seen
 * before and of the same history, which the log still serves: nothing was checked, nothing is to be remembered.
 * ERR_INVALID: config->seen is not signed by the key.
 * Afterwards `a` is good for audit_save() and audit_free() only.
 */
err  audit_run(struct scope *s, struct audit *a, const struct audit_source *src, struct audit_report *out);

/*
 * The state as text, for a file that the client keeps: version line, origin, key, last checkpoint note, frontier,
 * what is live, and a SHA-256 over all of it. Precondition: the last run advanced.
 */
void audit_save(const struct audit *a, struct buf *out);
/* ERR_INVALID: no state, damaged, of another version, or of another key than config->vkey (NULL: the state's own). */
err  audit_load(struct scope *s, const struct audit_config *config, const void *text, size_t len, struct audit **out);
const char *audit_origin(const struct audit *a);
const char *audit_vkey(const struct audit *a);
uint64_t    audit_size(const struct audit *a);           /* of its last checkpoint */

/* The rules in Markdown, for the generated part of the docs. */
void audit_print_rules(FILE *out);
