/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "schema/base/scope.h"

/*
 * The contract: api/openapi.json read once at start, indexed for routing and validation.
 *
 * Path templates have `{name}` segments; the last may be `{name+}`-like by
 * `"x-rest": true` on the parameter and then takes the rest of the path.
 * Segments arrive percent-encoded and are decoded one by one ("%2F" is a slash
 * inside a segment); "." and ".." segments, NUL and bad UTF-8 are refused.
 * Immutable after loading, shared by all threads.
 */
#define CONTRACT_PARAMS_MAX 12

struct contract;

struct operation_spec {
    const char *id;               /* operationId */
    const char *method;           /* "GET" */
    const char *path;             /* template */
    const char *role;             /* x-role: "", "any", "operator", "publisher", "buyer", "auditor"; "" is open to everyone */
    bool idempotent_key;          /* x-idempotency-key: required */
    bool has_body;                /* JSON body expected */
    bool raw_body;                /* x-raw-body: streamed bytes, the handler reads them */
    bool fast;                    /* x-fast: handled by the access path or in the event thread, see api/http */
};

struct param { const char *name, *value; };           /* decoded; in the request's scope */

struct match {
    const struct operation_spec *op;                  /* NULL with ERR_NOT_FOUND, ERR_METHOD */
    struct param path[CONTRACT_PARAMS_MAX], query[CONTRACT_PARAMS_MAX];
    size_t n_path, n_query;
    const char *allow;                                /* for 405: "GET, HEAD" */
};

err contract_load(struct scope *s, const char *text, size_t len, struct contract **out);   /* ERR_CONFIG */
void contract_free(struct contract *c);
const char *contract_text(const struct contract *c, size_t *len);
const struct operation_spec *contract_operations(const struct contract *c, size_t *n);

/* Routes; HEAD matches GET unless declared. Parameters not declared are refused, declared ones are checked against their schema. */
err contract_match(struct scope *s, const struct contract *c, const char *method, const char *raw_path, const char *raw_query,
                   struct match *out);
/* Validates a body: ERR_INVALID with a JSON pointer in s->why. */
err contract_check_body(struct scope *s, const struct contract *c, const struct operation_spec *op, const json_t *body);
/* Validates an answer (tests and COUNTERFOIL_CHECK_ANSWERS=yes): status and body against `responses`. */
err contract_check_answer(struct scope *s, const struct contract *c, const struct operation_spec *op, int status, const json_t *body);

const char *match_path(const struct match *m, const char *name);      /* NULL if absent */
const char *match_query(const struct match *m, const char *name);
