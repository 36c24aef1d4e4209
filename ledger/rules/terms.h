/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "ledger/rules/territory.h"
#include "schema/base/scope.h"

/*
 * Terms: the subset of ODRL 2.2 (profile: the ODRL AI vocabulary) that rules
 * version 1 evaluates. One permission, three constraints, nothing else:
 *
 *   {"@context":["http://www.w3.org/ns/odrl.jsonld"],"@type":"Offer","conflict":"prohibit",
 *    "permission":[{"action":["odrl:gen-ai"],"assigner":"urn:…","constraint":[
 *      {"leftOperand":"purpose","operator":"isAnyOf","rightOperand":["pretraining"]},
 *      {"leftOperand":"spatial","operator":"isAnyOf","rightOperand":["EU","GB"]},
 *      {"leftOperand":"dateTime","operator":"lt",
 *       "rightOperand":{"@type":"xsd:dateTime","@value":"2027-01-01T00:00:00Z"}}],
 *     "target":"urn:…"}],
 *    "profile":"https://w3c.github.io/odrl/ai-vocab/","uid":"urn:counterfoil:terms:<32 hex digits>"}
 *
 * The vocabulary's actions contain one another (data-mining ⊃ ai-training ⊃
 * gen-ai), our purposes don't: so the purposes are named by a constraint as
 * well, and both must name the same, which leaves no reader with more than we
 * grant. `conflict` is there because ODRL's default voids a policy. The uid
 * carries 128 random bits, because the digest of the terms is public.
 * Anything unknown is refused when terms are read, with a JSON pointer to it.
 */
#define TERMS_UID_PREFIX "urn:counterfoil:terms:"
#define TERMS_UID_RANDOM 16                   /* bytes */
#define TERMS_IRI_MAX    512                  /* bytes of assigner and target */
#define TERMS_PLACES_MAX 256                  /* territories of one policy */

struct terms {
    const char *uid, *assigner, *target;      /* IRIs; the caller says whether they are whom and what they should be */
    uint32_t purposes;                        /* bit i: purpose_codes.code[i] (ledger/entry/codes.h) */
    const char **territories;                 /* as written */
    size_t n_territories;
    struct territory territory;               /* all of them */
    int64_t until;                            /* every use must end before */
};

/* `at`: JSON pointer to the policy in what was sent ("/terms"). ERR_INVALID. Everything in `out` lives in the scope. */
err terms_read(struct scope *s, const json_t *policy, const char *at, struct terms *out);

/* Makes terms: canonical JSON text in the scope. ERR_INVALID if a purpose, territory or IRI is none. */
struct terms_wish {
    const char *const *purposes;
    size_t n_purposes;
    const char *const *territories;
    size_t n_territories;
    int64_t until;
    const char *assigner, *target;
    uint8_t random[TERMS_UID_RANDOM];         /* from the random source */
};
err terms_write(struct scope *s, const struct terms_wish *wish, char **out);

enum terms_verdict {
#define TERMS(id, error, code, sentence) TERMS_##id,
#include "ledger/rules/terms.def"
    TERMS_VERDICTS
};
/* May `purpose` in `territory` be licensed for [from, until)? The first rule that denies is the verdict. */
enum terms_verdict terms_decide(const struct terms *t, const char *purpose, const char *territory,
                                int64_t from, int64_t until, int64_t now);
err         terms_error(enum terms_verdict v);
const char *terms_code(enum terms_verdict v);             /* "purpose_not_granted" */
const char *terms_reason(enum terms_verdict v);           /* a sentence */

/* "Permits pretraining and fine-tuning in EU and GB until 2027-01-01T00:00:00.000Z, and nothing else." */
char *terms_sentence(struct scope *s, const struct terms *t);
