/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/rules/access.h"
#include "ledger/rules/territory.h"
#include "schema/base/scope.h"

/*
 * Clearance: whether one item may be used for one purpose now and until the
 * clearance ends, and what follows for a license's whole slice.
 *
 * A contributor's role is satisfied by one certificate that passes every check
 * by itself; an item is cleared if the license is live, its bytes are verified,
 * and every role of every contributor is satisfied. Facts default to false,
 * zero, "none": what is not known to hold is refused, an item without
 * contributors too.
 *
 * Monotone: taking a certificate, a grant or any other fact in favor away, or
 * adding a prohibition, a revocation, a role or an opt-out never turns a refusal
 * into a clearance. That is why a certificate's prohibitions bind that
 * certificate: what stands against an item whoever consents is `opt_out`.
 *
 * The reason of an item is the first in the table's order (verdict.def) over
 * its contributors; a contributor's reason is that of the certificate that came
 * furthest in it. So it depends neither on the order of contributors nor of
 * certificates.
 *
 * Purposes are bits by their place in purpose_codes (ledger/entry/codes.h), model
 * classes bits by a list of the caller's; times are wall ms, [from, until).
 */
#define VERDICT_POLICY_VERSION 1       /* of these checks, as clearances name it; any other table is another version */

enum verdict {
#define VERDICT(id, where, code, sentence, remedy) VERDICT_##id,
#include "ledger/rules/verdict.def"
    VERDICTS
};

struct verdict_request {
    int purpose;                       /* bit number */
    struct territory territory;
    int model_class;                   /* bit number */
    int64_t now;                       /* when the checks are made: the clearance's `as_of` */
    int64_t until;                     /* when the clearance ends, > now */
    int64_t content_window, status_window;       /* ms: how old a verification and a status list may be */
};

struct verdict_license {
    enum license_state state;
    bool paid;
    int64_t from, until;
    uint32_t purposes;
    struct territory territory;
};

struct verdict_grant {
    uint32_t purposes, model_classes;
    struct territory territory;
};

struct consent_facts {                 /* one certificate that covers the item */
    const char *role;                  /* in which it was given; NULL satisfies none */
    bool signature_holds;
    int64_t logged_at;                 /* `at` of its entry; 0: not in the log, hence no consent */
    int64_t compromised_at;            /* from when its key is not trusted; 0: it is */
    int64_t from, until;
    bool revoked, suspended;
    int64_t status_at;                 /* as of when the two are known; 0: unknown */
    uint32_t prohibited;               /* purposes */
    const struct verdict_grant *grants;
    size_t n_grants;                   /* territories of the grants of one purpose and class add up */
};

struct contributor_facts {
    const char *role;                  /* that the item names */
    const struct consent_facts *consents;      /* this contributor's that cover the item */
    size_t n_consents;
};

struct verdict_facts {
    bool in_root;                      /* the item is in the list under the version's root */
    bool given_back;                   /* the license's first clearance left it out of what was paid for */
    enum content_state content;
    int64_t verified_at;               /* when its bytes were last verified, after `now` perhaps; 0: never */
    uint32_t opt_out;                  /* purposes that a reservation stands against */
    const struct contributor_facts *contributors;
    size_t n_contributors;
};

/* The license alone: VERDICT_CLEARED, or what refuses every item. */
enum verdict verdict_license(const struct verdict_request *r, const struct verdict_license *l);
/* One item, the license included. */
enum verdict verdict_item(const struct verdict_request *r, const struct verdict_license *l,
                          const struct verdict_facts *f);

/* One certificate by itself, in its own role: VERDICT_CLEARED, or the first check that it does not pass. */
enum verdict verdict_consent(const struct verdict_request *r, const struct consent_facts *c);

const char *verdict_code(enum verdict v);          /* stable: "consent_revoked" */
const char *verdict_sentence(enum verdict v);
const char *verdict_remedy(enum verdict v);        /* what to do */
bool        verdict_parse(const char *code, enum verdict *out);

/* ---- the slice */

enum verdict_outcome { OUTCOME_CLEARED, OUTCOME_WITH_EXCLUSIONS, OUTCOME_REFUSED, OUTCOMES };

struct verdict_counts { uint64_t by[VERDICTS]; };
void verdict_count(struct verdict_counts *c, enum verdict v);
uint64_t verdict_total(const struct verdict_counts *c);
/* cleared: all of them. cleared_with_exclusions: some. refused: none, an empty slice too. */
enum verdict_outcome verdict_outcome(const struct verdict_counts *c);
const char *verdict_outcome_name(enum verdict_outcome o);      /* "cleared_with_exclusions" */
