/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "ledger/audit/audit.h"
#include "ledger/audit/table.h"
#include "ledger/cert/refusal.h"
#include "ledger/rules/verdict.h"
#include "ledger/tree/tile.h"

/*
 * What an audit holds: the tree so far and what is live. Private to ledger/audit.
 */
/* known: it was disclosed. If not, the currency may be, by what it was paid for. */
struct money_fact { bool known; int64_t micro; char currency[4]; };

/*
 * Rows. What a state saved by an older program does not hold is unknown: roles and bits all set, keys zero, -1. What
 * rests on it is not checked.
 */
#define ROLES_UNKNOWN   UINT64_MAX
#define PURPOSE_UNKNOWN (-1)

struct party_row {
    struct key key;
    uint64_t roles;                      /* bit i: role_codes.code[i] */
    struct key public_key;               /* of what the log has in public now, the digest's first half; zero: none */
    struct key held;                     /* of the key that it holds, the operator's trust or not; zero: not known */
};
struct version_row { struct key key; struct hash root, details_root; uint64_t item_count; };
struct offer_row {
    struct key key, version, split, fee;
    uint64_t revision;
    struct money_fact price;             /* of a slice, or of each of its items and then at least the minimum */
    int64_t minimum;
    int64_t fee_ppm;                     /* MONEY_UNKNOWN: its rules were not to be had, or not asked for yet */
    bool per_item, by_byte, asked;
};
#define MONEY_UNKNOWN (-1)
struct payment_row {
    struct key key, license, buyer, split, version;
    struct key document;                 /* digest's first half of the license's */
    struct money_fact paid;
    int64_t spent;                       /* refunded and allocated, as far as it was disclosed */
    int64_t price, minimum, fee_ppm;     /* of the offer that was bought; MONEY_UNKNOWN */
    int64_t owed;                        /* for what the first clearance cleared; MONEY_UNKNOWN as its refund may be */
    bool granted, cleared, allocated;
    bool ended, accessed;                /* its license: ended; accessed under rules version 1, without a clearance */
    bool per_item, by_byte;
};
struct license_row {
    struct key key, payment;
    int64_t from, until;
    uint64_t item_count, version_items;  /* of the slice, and of the version that it is of */
    int64_t purpose;                     /* purpose_codes.code[purpose] */
    char territory[8];                   /* "": not known */
};
struct consent_row {
    struct key key, document;            /* digest's first half of the certificate; zero: nor the rest known */
    int64_t from, until, at_ms;
    uint64_t purposes, items, place, index;          /* of its entry */
    struct hash root;
    bool suspended;
};
struct creator_row {                     /* of a consent, while it is not revoked */
    struct key key, creator, signer;     /* signer: the key that she had then, of its did:key; zero: not known */
};
/* What the certificate of a consent says of one purpose, the one asked for last; fetched again after audit_load(). */
struct terms_row {
    struct key key;
    bool there;                          /* false: it was not to be had, or not good */
    int role;                            /* contributor_codes.code[role] */
    int64_t purpose;                     /* PURPOSE_UNKNOWN: it is to be asked for again */
    uint32_t prohibited;
    struct verdict_grant grant;
    struct key covered;                  /* of the items that it was last found to cover */
};
struct certificate_row { struct key key, certifier, signer; };         /* signer: as a party's public key */
struct list_row    { struct key key; uint64_t as_of; };
struct clearance_row { struct key key, license; int64_t until, purpose; uint64_t cleared; struct hash rows_root; };
struct payout_row  { struct key key, run, account; struct money_fact amount; bool settled; };
struct balance_row {                     /* of an account; of a currency, whose letters are the key */
    struct key key, party;               /* zero: not known whose */
    int64_t micro;                       /* accrued less paid out */
    uint64_t n;                          /* last running number */
    uint64_t seen;                       /* index after the snapshot whose leaves it was last seen in; not kept */
    char currency[4];
};
struct issuer_row  { struct key key; uint64_t since, until; };         /* of its did:key; entries [since, until) */
struct successor_row { struct key key; uint64_t index; };              /* of its key; the entry that names it */
struct predecessor_row { struct key key; uint64_t size; struct hash root; };      /* of its verifier key */
struct snapshot_row {                    /* the last snapshot; one row */
    struct key key;
    uint64_t as_of, written;             /* written: index after the last entry that moved an account's balance, */
    uint64_t given;                      /* and after the last that gave something to one */
    bool unsure;                         /* lines of whom, or whose payouts were which, aren't all known */
};
struct past_row    { struct key key; };                                /* an id whose life is over, or a place taken */
struct missing_row {                     /* of an entry, its index the key: what a whole reader was not shown of it */
    struct key key;
    uint64_t type, open;                 /* enum entry_type; the private fields shown or explained, bits by place */
    uint64_t fields, rows;               /* that no erasure has explained yet */
    int counted;                         /* what one has, as far as it counts for rules that rest on it; not kept */
    bool promised;                       /* by an erasure beyond what is audited; not kept */
    uint64_t by;                         /* the erasure that the log has named for it, which was still to come, */
    int64_t named_ms;                    /* and when, by the reader's clock; 0: not asked yet */
    struct key document, digest;         /* of the market, not shown signed: whose id, with what digest; zero: none */
    int64_t at_ms;                       /* of the entry, if there is a document */
};
struct window_row  { struct key key; int64_t at; };                    /* a license's item, and its last access */

enum { PARTIES, VERSIONS, OFFERS, PAYMENTS, LICENSES, PAST_OFFERS, PAST_PAYMENTS, PAST_LICENSES, WINDOWS,
       CONSENTS, PAST_CONSENTS, STATUS_PLACES, CERTIFICATES, PAST_CERTIFICATES, STATUS_LISTS, CLEARANCES,
       PAST_CLEARANCES, REFUNDS, ALLOCATIONS, PAYOUTS, PAST_PAYOUTS, BALANCES, TOTALS, PAST_PARTIES, MISSING,
       ISSUERS, SUCCESSORS, PREDECESSORS, SNAPSHOTS, CREATORS, TABLES };

/* The rows of a live clearance, fetched, in order of item; one set of consents serves neighbors that share it. */
struct cleared_item {
    uint64_t item;
    uint32_t first, n : 30;              /* consents[first] to consents[first + n - 1] */
    uint32_t uncovered : 1, refused : 1; /* found: they don't cover it; the rules don't clear it */
};
struct cleared_rows {
    struct key key;                      /* the clearance */
    bool there;                          /* false: they were not to be had, or not good */
    size_t n, cap, n_consents, consents_cap;
    struct cleared_item *item;
    struct key *consents;
};

/* The items that the first clearance of a license cleared, which are those that are paid for. */
struct item_range { uint64_t from, until; };
struct first_rows { struct key key; size_t n, cap; struct item_range *range; };    /* of the license */

/* The lists of the version whose payment was split last, as they hash to its roots; p NULL: not asked for. */
struct listed { char *p; size_t len; };
struct listed_version { struct key version; struct listed details, items; };

#define AUDIT_LEVELS (TILE_LEVEL_MAX + 1)

struct audit {
    struct scope kept;                   /* what lives as long as this */
    struct audit_config config;
    struct note_key key;
    const char *vkey;
    struct checkpoint last;              /* size 0: nothing seen yet */
    struct bytes note;                   /* its note */
    uint64_t findings;                   /* of all runs that advanced */
    struct frontier tree;
    int64_t at_ms;                       /* of the last entry */
    unsigned rules;                      /* version in force; 0: no entry seen yet */
    bool balances_partial;               /* the lines of an allocation were not to be had: no balance is sure */
    bool totals_partial;                 /* nor was the total of one disclosed */
    bool owners_partial;                 /* of an account that was there before audit_load() nobody knew whose it is */
    struct table table[TABLES];
    size_t windows_due;                  /* WINDOWS is rid of what is over when it has grown to so many, */
    size_t clearances_due;               /* and so is CLEARANCES */
    struct listed_version listed;
    struct table firsts;                 /* struct first_rows; of first clearances, fetched since audit_load() */
    struct table cleared;                /* struct cleared_rows; fetched again after audit_load() */
    struct table terms;                  /* struct terms_row */

    /* of one run */
    const struct audit_source *src;
    struct audit_report *report;
    struct scope *out;                   /* the report's scope */
    struct audit_finding **tail;
    uint64_t index;                      /* entry being replayed */
    struct bytes document;               /* of that, of the market's making, if it was there and good */
    uint64_t size;                       /* of the checkpoint being audited */
    struct hash tile[AUDIT_LEVELS][TILE_WIDTH];      /* hashes of the rightmost tile of each level so far */
    unsigned width[AUDIT_LEVELS];
};

/* A finding about the entry being replayed, or (…_tree) about the tree. */
void audit_find(struct audit *a, enum audit_rule_id rule, const char *expected, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void audit_find_tree(struct audit *a, enum audit_rule_id rule, const char *expected, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* replay.c: one entry's bytes, at a->index; `s` is the bundle's scope. Fails only if the source fails. */
err replay_entry(struct scope *s, struct audit *a, struct bytes bytes);

/* values.c: what a decoded entry says; texts and counts that are private and not disclosed are NULL and 0. */
const char *text_of(const struct entry *e, const char *name);
uint64_t count_of(const struct entry *e, const char *name);
struct key key_in(const struct entry *e, const char *name);            /* precondition: an id, there */
struct key hash_key(const struct entry *e, const char *name);          /* the first half of a hash, enough to compare */
int64_t time_in(const struct entry *e, const char *name);
int64_t code_in(const struct entry *e, const char *name, const struct code_list *codes);
bool json_is(const struct entry *e, const char *name, const char *text);
uint64_t codes_in(const struct entry *e, const char *name, const struct code_list *codes);       /* as bits */
uint64_t counts_in(const struct entry *e, const char *name);           /* their sum */
/* A disclosed amount and currency, in canonical form or found so; what is not disclosed stays unknown. */
struct money_fact money_of(struct audit *a, const struct entry *e);
struct money_fact money_read(struct audit *a, const char *amount, const char *currency);
bool money_equal(const struct money_fact *a, const struct money_fact *b);      /* true if one is unknown */
bool key_zero(struct key k);

bool past(const struct audit *a, int table, struct key key);
void past_add(struct audit *a, int table, struct key key);

/* life.c */
bool versions_fit(const struct entry *e);                              /* entry format 1, the rules of the entry */
void log_opened(struct audit *a, const struct entry *e);
void log_frozen(struct audit *a, const struct entry *e);
void log_ended(struct audit *a, const struct entry *e);                /* before every entry's own transition */
void issuer_key_changed(struct audit *a, const struct entry *e);
err  document_signed(struct scope *s, struct audit *a, const struct entry *e);         /* of entries that name one */
bool issuer_over(const struct audit *a, uint64_t index);                /* the key of an entry's time was replaced */
err  document_again(struct scope *s, struct audit *a, const struct missing_row *m, bool *there);
void predecessor_check(struct audit *a);                               /* in the end, if one is given */

/* The transitions by noun: sales.c, consents.c, certificates.c, clearances.c, payments.c. */
void offer_published(struct scope *s, struct audit *a, const struct entry *e);
void offer_withdrawn(struct audit *a, const struct entry *e);
void payment_received(struct audit *a, const struct entry *e);
err  license_granted(struct scope *s, struct audit *a, const struct entry *e);
void license_ended(struct audit *a, const struct entry *e);
const char *license_gone(const struct audit *a, struct key license);   /* "ended before", "never granted" */

void consent_granted(struct audit *a, const struct entry *e);
void consent_suspended(struct audit *a, const struct entry *e);
void consent_revoked(struct audit *a, const struct entry *e);
/* Has the certificate of a live consent read, and laid against its entry: its row in a->terms is there afterwards. */
err  consent_terms(struct scope *s, struct audit *a, struct key consent, int64_t purpose);
/* A consent or a certificate of sourcing that doesn't read as signed: found by the one rule or the other. */
void certificate_refused(struct scope *s, struct audit *a, enum refusal why, enum audit_rule_id signature,
                         enum audit_rule_id document, const char *id);
err  certificate_issued(struct scope *s, struct audit *a, const struct entry *e);
err  certificate_revoked(struct scope *s, struct audit *a, const struct entry *e);
struct key key_of_did(const char *did);  /* first half of its digest; never zero in practice */
void party_keys(struct party_row *p, const struct entry *e);           /* what an entry says of its keys */
void status_list_published(struct audit *a, const struct entry *e);

err  clearance_issued(struct scope *s, struct audit *a, const struct entry *e);
void clearance_denied(struct audit *a, const struct entry *e);
void clearance_withdrawn(struct audit *a, const struct entry *e);
err  access_recorded(struct scope *s, struct audit *a, const struct entry *e);

void payment_cleared(struct scope *s, struct payment_row *p, uint64_t items,
                     uint64_t excluded);                               /* for the first time */
void refund_posted(struct audit *a, const struct entry *e);
err  allocation_posted(struct scope *s, struct audit *a, const struct entry *e);
void payout_instructed(struct audit *a, const struct entry *e);
void payout_settled(struct audit *a, const struct entry *e);
void payout_failed(struct audit *a, const struct entry *e);
struct balance_row *total_of(struct audit *a, const char *currency);

/* A document beside the log; false: not to be had by this reader. Fails only if the source fails. */
err document_of(struct scope *s, struct audit *a, const char *name, struct bytes *out, bool *there);

/* rows.c */
/* The rows of a clearance that is live, fetched and verified when first asked for; NULL: not to be had. */
err  cleared_rows_of(struct scope *s, struct audit *a, const struct clearance_row *c, const char *id,
                     struct cleared_rows **out);
const struct cleared_item *cleared_rows_find(const struct cleared_rows *r, uint64_t item);           /* NULL: none */
void cleared_rows_drop(struct audit *a, struct key clearance);
/*
 * Of a license's first clearance, kept while the license lives and its payment isn't split; later rows hold if all
 * their items are among them.
 */
void first_rows_keep(struct audit *a, struct key license, const struct cleared_rows *r);
bool first_rows_hold(const struct audit *a, struct key license, const struct cleared_rows *r);   /* true: not known */
void first_rows_drop(struct audit *a, struct key license);
void cleared_rows_free(struct audit *a);                               /* all of them */

/* shares.c */
/* Lines that hash to their root, each against its party's share of the total. */
err  allocation_shares(struct scope *s, struct audit *a, const struct entry *e, const struct payment_row *p,
                       const struct money_fact *total, struct bytes lines);
/*
 * Has the lists of a version in a->listed, its items too if they are wanted, as they hash to its roots; `e` is of a
 * license of it. *there false: not to be had, or found.
 */
err  version_lists(struct scope *s, struct audit *a, const struct entry *e, const struct version_row *v, bool items,
                   bool *there);
void listed_free(struct listed_version *l);
/* A member that is an id; false: none. */
bool id_in(const json_t *object, const char *name, const char *prefix, struct id *out);

/* judged.c */
/*
 * Each row of a clearance once more: the consents that it rests on against who made its item, by the version's details,
 * and if all of them `hold` against what they cover, and by the rules of clearances. `l` is its license's.
 */
err  cleared_judge(struct scope *s, struct audit *a, const struct entry *e, const struct clearance_row *c,
                   const struct license_row *l, struct cleared_rows *rows, bool hold);

/* erasures.c */
void missing_fields(struct audit *a, const struct entry *e);           /* of what is opened: takes down the rest */
void missing_rows(struct audit *a, const struct entry *e, uint64_t rows);
void rows_unshown(struct audit *a, const struct entry *e);             /* and nothing can explain that */
void missing_document(struct audit *a, const struct entry *e, struct key id);          /* the signer may be late */
void missing_certificate(struct audit *a, const struct consent_row *c);                /* goes with its creator */
void missing_list(struct audit *a, const char *what);                  /* which no erasure takes */
void party_closed(struct audit *a, const struct entry *e);
err  disclosures_erased(struct scope *s, struct audit *a, const struct entry *e);
err  missing_settle(struct scope *s, struct audit *a);                 /* at the end: what nothing has explained */

/* snapshots.c */
void account_written(struct audit *a, bool given);                     /* the entry being replayed moves a balance */
void payout_covered(struct audit *a);                                  /* before it does */
void account_unsure(struct audit *a);                                  /* of an account that isn't known */
err  snapshot_posted(struct scope *s, struct audit *a, const struct entry *e);

/* bundle.c */
/*
 * The first `n` hashes of a tile that is within a tree of `size`, in the scope; NULL: it is not served, or not whole.
 * Any thread, as audit_bundle_read().
 */
err tile_hashes(struct scope *s, const struct audit_source *src, uint64_t size, unsigned level, uint64_t number,
                unsigned n, const struct hash **out);

/* tiles.c */
err tiles_resume(struct scope *s, struct audit *a,
                 bool *good);      /* loads the rightmost tiles of a->tree from the source */
err tiles_consistent(struct scope *s, struct audit *a, const struct checkpoint *small, const struct checkpoint *large,
                     bool *good);
err tiles_served(struct scope *s, struct audit *a, bool *good);      /* whether the last hashes of a->size are there */
/* The leaves of the bundle that a->tree ends in, as far as they are new. */
void tiles_append(struct audit *a, const struct audit_bundle *b);
/* After each bundle: what is new, level 0 up. */
err tiles_compare(struct scope *s, struct audit *a, const struct audit_bundle *b);
