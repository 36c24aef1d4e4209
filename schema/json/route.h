/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/json/contract.h"
#include "schema/json/schema.h"

/* The contract's inside, shared by contract.c (loads) and route.c (matches). */
#define CONTRACT_METHODS 6

struct parameter { const char *name; const struct schema *schema; bool required, rest; };
/* "200", "4XX", "default"; schema NULL: no JSON */
struct answer { const char *status; const struct schema *schema; };

struct operation {
    struct parameter path[CONTRACT_PARAMS_MAX];     /* in the template's order */
    struct parameter query[CONTRACT_PARAMS_MAX];
    size_t n_path, n_query;
    const struct schema *body;
    struct answer *answers;
    size_t n_answers;
};

struct route;                                       /* a node of the tree of segments */

struct contract {
    struct scope mem;
    json_t *document;
    const char *text;
    size_t len;
    struct schemas schemas;
    struct operation_spec *specs;                   /* what others see, */
    struct operation *operations;                   /* and its inside, by the same index */
    size_t n_operations;
    struct route *root;
};

/* Adds an operation whose spec and parameters are filled in. */
err  route_add(struct scope *s, struct contract *c, size_t index, const struct spot *at);
/* After the last one: the texts of Allow. */
void route_finish(struct contract *c);
const char *const *route_methods(void);             /* CONTRACT_METHODS names, upper case */
