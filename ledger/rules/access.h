/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ledger/rules/life.h"
#include "schema/base/err.h"
#include "schema/base/limits.h"
#include "schema/base/scope.h"

/*
 * Whether one item may be delivered to one caller now. Decided at every
 * delivery, under the ledger's lock when a new entry is due.
 *
 * Facts default to false, "none", unverified: what is not known to hold is
 * refused, and taking a fact away never turns a refusal into a grant. The
 * first refusal in the table's order is the verdict, so that nobody learns
 * more than the question before it allows: a foreign license looks like none.
 */
enum content_state { CONTENT_UNVERIFIED, CONTENT_VERIFIED, CONTENT_CORRUPT, CONTENT_MISSING };

struct access_facts {
    bool key_known;                    /* a key of this id exists, */
    bool key_matches;                  /* the digest of the secret given is its own, */
    bool key_in_scope;                 /* and it may deliver */
    bool key_revoked;
    int64_t key_expires;               /* 0: never */
    bool party_active;
    bool license_known;
    bool caller_is_buyer;              /* the key's party is the license's buyer */
    enum license_state license;
    int64_t from, until;               /* the license's term: [from, until) */
    bool item_known;                   /* the version has an item of this path, and the slice covers it */
    enum content_state content;
    bool uncleared_rules;              /* rules version 1, under which nothing needs a clearance */
    bool cleared;                      /* one was issued for the license, */
    int64_t clearance_until;           /* and ends then */
    bool excluded;                     /* the item is one that it leaves out */
    bool withdrawn;                    /* the item rests on a consent that was withdrawn since it was judged */
    bool opened;                       /* an access of this license and item was recorded before, */
    int64_t opened_at;                 /* last at this `at` */
};

/* What is no known state is unverified and grants nothing; NULL: there is no content, CONTENT_MISSING. */
enum content_state content_state_parse(const char *name);

enum access_verdict {
#define ACCESS(id, error, code, sentence) GATE_##id,
#include "ledger/rules/access.def"
    GATE_VERDICTS
};

enum access_verdict access_decide(const struct access_facts *f, int64_t now);
/* Both: GATE_NEW (record it first) and GATE_IN_WINDOW (the entry that opened the window stands for it). */
bool        access_granted(enum access_verdict v);
err         access_error(enum access_verdict v);       /* ERR_OK if granted */
const char *access_code(enum access_verdict v);        /* stable reason code: "license_ended" */
const char *access_sentence(enum access_verdict v);
/* The sentence of GATE_ITEM_EXCLUDED with the reason for which this item is left out (verdict.def), and what to do. */
const char *access_excluded(struct scope *s, const char *reason);
