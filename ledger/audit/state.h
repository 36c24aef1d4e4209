/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/audit/audit.h"
#include "ledger/audit/table.h"
#include "ledger/tree/tile.h"

/*
 * What an audit holds: the tree so far and what is live. Private to ledger/audit.
 */
struct money_fact { bool known; int64_t micro; char currency[4]; };    /* known: it was disclosed */

struct party_row   { struct key key; };
struct version_row { struct key key; struct hash root; uint64_t item_count; };
struct offer_row {
    struct key key, version;
    uint64_t revision;
    struct money_fact price;             /* of a license, or of each of its items */
    int64_t minimum;                     /* of a license by the item; 0: none */
    bool per_item;
};
struct payment_row { struct key key, license, buyer; struct money_fact paid; };
struct license_row { struct key key; int64_t from, until; uint64_t item_count; };
struct past_row    { struct key key; };                                /* an id whose life is over */
struct window_row  { struct key key; int64_t at; };                    /* a license's item, and its last access */

enum { PARTIES, VERSIONS, OFFERS, PAYMENTS, LICENSES, PAST_OFFERS, PAST_PAYMENTS, PAST_LICENSES,
       WINDOWS, TABLES };

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
    struct table table[TABLES];
    size_t windows_due;                  /* WINDOWS is rid of what is over when it has grown to so many */

    /* of one run */
    const struct audit_source *src;
    struct audit_report *report;
    struct scope *out;                   /* the report's scope */
    struct audit_finding **tail;
    uint64_t index;                      /* entry being replayed */
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

/* tiles.c */
err tiles_resume(struct scope *s, struct audit *a,
                 bool *good);      /* loads the rightmost tiles of a->tree from the source */
err tiles_consistent(struct scope *s, struct audit *a, const struct checkpoint *small, const struct checkpoint *large,
                     bool *good);
err tiles_served(struct scope *s, struct audit *a, bool *good);      /* whether the last hashes of a->size are there */
/* A bundle's bytes and its entries; *n 0: not good, and found so. */
err tiles_bundle(struct scope *s, struct audit *a, uint64_t number, struct bytes entries[TILE_WIDTH], unsigned *n);
void tiles_append(struct audit *a, struct hash leaf);
err tiles_compare(struct scope *s, struct audit *a);                 /* after each bundle: what is new, level 0 up */
