/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/model/party.h"

/* Who is calling: the API key that came with the request, and the party it belongs to. */
struct caller {
    struct id key;
    struct hash digest;       /* of the secret that came */
    bool known;               /* this process saw the secret be right not long ago */
    bool verified;            /* false in the event thread: only read, the ledger's lock decides (delivery) */
    struct api_key row;       /* as of this request, if verified */
    struct party party;       /* if verified */
    bool granted;             /* if verified: an auditor with the operator's grant */
};

bool words_have(const char *list, const char *word);          /* of a comma-separated list */
bool caller_is(const struct caller *c, const char *role);     /* false for nobody */
bool caller_audits(const struct caller *c);                   /* reads everybody's private fields and lists */
bool caller_oversees(const struct caller *c);                 /* who audits, an operator: they see everybody's */
/* Whose things a verified caller may find: everybody's (NULL), or the id of the party whose own they are. */
const char *caller_whose(const struct caller *c);
bool caller_owns(const struct caller *c, const struct id *party);
