/* SPDX-License-Identifier: Apache-2.0 */
/* Property: what a handler is given of a target is UTF-8 without dot segments, whatever was asked for. */
#include <stdlib.h>
#include <string.h>

#include "schema/base/bytes.h"
#include "schema/json/contract.h"

static const char document[] =
    "{\"openapi\":\"3.1.0\",\"paths\":{\"/a/{b}/c/{d}\":{\"get\":{\"operationId\":\"x\",\"x-role\":\"\","
    "\"parameters\":["
    "{\"name\":\"b\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}},"
    "{\"name\":\"d\",\"in\":\"path\",\"required\":true,\"x-rest\":true,\"schema\":{\"type\":\"string\"}},"
    "{\"name\":\"q\",\"in\":\"query\",\"schema\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}},"
    "{\"name\":\"n\",\"in\":\"query\",\"schema\":{\"type\":\"integer\",\"minimum\":-3,\"maximum\":3}}],"
    "\"responses\":{\"200\":{}}}},\"/{b}\":{\"get\":{\"operationId\":\"y\",\"x-role\":\"\",\"parameters\":["
    "{\"name\":\"b\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\",\"pattern\":\"^[a-z]+$\"}}],"
    "\"responses\":{\"200\":{}}}}}}";

static void check(const struct param *params, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!params[i].name || !utf8_valid(params[i].value, strlen(params[i].value)))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scope s;
    struct contract *c = NULL;
    struct match m;
    const char *target, *d;
    char *path, *query;
    err e;

    scope_init(&s, 0);
    if (contract_load(&s, document, strlen(document), &c) != ERR_OK)
        abort();
    target = scope_strndup(&s, (const char *)data, size);
    path = scope_printf(&s, "/a%s", target);
    query = strchr(path, '?');
    if (query)
        *query++ = '\0';
    e = contract_match(&s, c, size & 1 ? "GET" : "HEAD", path, query, &m);
    if (e == ERR_OK) {
        int64_t n = match_query_int(&m, "n", 0);

        check(m.path, m.n_path);
        check(m.query, m.n_query);
        d = match_path(&m, "d");
        if ((d && (strcmp(d, "..") == 0 || strstr(d, "/../") || strncmp(d, "../", 3) == 0)) || n < -3 || n > 3)
            abort();
    } else if (e != ERR_NOT_FOUND && e != ERR_MALFORMED && e != ERR_INVALID) {
        abort();
    }
    contract_free(c);
    scope_free(&s);
    return 0;
}
