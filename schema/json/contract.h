/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "schema/base/scope.h"

/*
 * The contract: api/openapi.json read once at start, indexed for routing and validation.
 *
 * OpenAPI 3.1, of its schemas the subset in schema/json/schema.h; keywords we
 * don't know are refused at load, except annotations. Our own:
 *   x-role             of every operation; "" is open to everyone, "any" to every key
 *   x-idempotency-key  the Idempotency-Key header is required
 *   x-raw-body         the body is streamed to the handler
 *   x-fast             handled in the event thread (api/http/http.h); takes no body
 *   x-rest             of the last path parameter: it takes the rest of the path
 *
 * A template's segment is a word or a whole `{name}`; a word wins over a name.
 * Segments arrive percent-encoded and are decoded one by one ("%2F" is a slash
 * inside a segment); "." and ".." segments, also those made by decoding, NUL and
 * bad UTF-8 are refused. In a query "+" is a space. Parameters `in: header` are
 * documentation here. A query parameter of type array may be given several times.
 * Immutable after loading, shared by all threads.
 */
#define CONTRACT_PARAMS_MAX 12

struct contract;

struct operation_spec {
    const char *id;               /* operationId: lower-case letters, digits, '_' */
    const char *method;           /* "GET" */
    const char *path;             /* template */
    /* x-role: "", "any", or a role of parties; "" is open to everyone */
    const char *role;
    size_t index;                 /* place in contract_operations() */
    bool idempotent_key;          /* x-idempotency-key: required */
    bool has_body;                /* JSON body expected */
    bool body_required;           /* else it may be absent */
    bool raw_body;                /* x-raw-body: streamed bytes, the handler reads them */
    bool fast;                    /* x-fast: handled by the access path or in the event thread, see api/http */
    /* types of the request body, lower case, without parameters; NULL-terminated, empty: takes none */
    const char *const *media;
};

struct param { const char *name, *value; };           /* decoded; in the request's scope */

struct match {
    const struct operation_spec *op;                  /* NULL with ERR_NOT_FOUND, ERR_METHOD */
    struct param path[CONTRACT_PARAMS_MAX], query[CONTRACT_PARAMS_MAX];
    size_t n_path, n_query;
    const char *allow;                                /* for 405: "GET, HEAD" */
};

/* ERR_CONFIG, saying where */
err contract_load(struct scope *s, const char *text, size_t len, struct contract **out);
void contract_free(struct contract *c);                                                    /* NULL is fine */
const char *contract_text(const struct contract *c, size_t *len);
const struct operation_spec *contract_operations(const struct contract *c, size_t *n);     /* in the document's order */

/*
 * Routes; HEAD matches GET unless declared. Parameters not declared are refused, declared ones are checked against
 * their schema. ERR_NOT_FOUND, ERR_METHOD (`allow` is set), ERR_MALFORMED (encoding), ERR_INVALID with "?limit" or
 * "{license}" in s->why.pointer. `op` is set whenever a route was found, also when its parameters are refused.
 */
err contract_match(struct scope *s, const struct contract *c, const char *method, const char *raw_path,
                   const char *raw_query, struct match *out);
/* Whether a Content-Type (with its parameters; NULL: none) is one the operation's body may have. */
bool contract_takes(const struct operation_spec *op, const char *content_type);
/* Validates a body: ERR_INVALID with a JSON pointer in s->why. NULL: absent. */
err contract_check_body(struct scope *s, const struct contract *c, const struct operation_spec *op, const json_t *body);
/*
 * Validates an answer (tests and COUNTERFOIL_CHECK_ANSWERS=yes): status and body (NULL: none, or not JSON) against
 * `responses`: the status itself, its class ("4XX"), or `default`. ERR_INTERNAL with a pointer.
 */
err contract_check_answer(struct scope *s, const struct contract *c, const struct operation_spec *op, int status,
                          const json_t *body);

const char *match_path(const struct match *m, const char *name);      /* NULL if absent */
const char *match_query(const struct match *m, const char *name);     /* the first of its name; NULL if absent */
/* A number that the contract has checked, or the fallback where it is absent. */
int64_t match_query_int(const struct match *m, const char *name, int64_t fallback);
