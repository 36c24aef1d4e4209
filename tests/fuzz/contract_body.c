/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a body is let through exactly if an independent reading of its schema would let it through. */
#include <stdlib.h>
#include <string.h>

#include "schema/json/canon.h"
#include "schema/json/contract.h"

static const char document[] =
    "{\"openapi\":\"3.1.0\",\"paths\":{\"/a\":{\"post\":{\"operationId\":\"x\",\"x-role\":\"\","
    "\"requestBody\":{\"content\":{"
    "\"application/json\":{\"schema\":{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{"
    "\"a\":{\"type\":[\"integer\",\"null\"],\"maximum\":9},\"b\":{\"type\":\"array\",\"maxItems\":2,"
    "\"items\":{\"enum\":[1,\"x\"]}}}}}}},"
    "\"responses\":{\"200\":{}}}}}}";

static bool lets(const json_t *body)
{
    const json_t *a = json_object_get(body, "a"), *b = json_object_get(body, "b");

    if (!a || !(json_is_null(a) || (json_is_integer(a) && json_integer_value(a) <= 9)))
        return false;
    if (b && (!json_is_array(b) || json_array_size(b) > 2))
        return false;
    for (size_t i = 0; i < json_array_size(b); i++) {
        const json_t *one = json_array_get(b, i);

        if (!(json_is_integer(one) && json_integer_value(one) == 1) &&
            !(json_is_string(one) && strcmp(json_string_value(one), "x") == 0))
            return false;
    }
    return json_object_size(body) == 1u + (b != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scope s;
    struct contract *c = NULL;
    struct match m;
    json_t *body = NULL;

    scope_init(&s, 0);
    if (contract_load(&s, document, strlen(document), &c) != ERR_OK ||
        contract_match(&s, c, "POST", "/a", NULL, &m) != ERR_OK)
        abort();
    if (json_read(&s, (const char *)data, size, &body) == ERR_OK &&
        (contract_check_body(&s, c, m.op, body) == ERR_OK) != lets(body))
        abort();
    json_decref(body);
    contract_free(c);
    scope_free(&s);
    return 0;
}
