/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <string.h>

#include "ledger/rules/split.h"
#include "schema/json/canon.h"

/* A member of a document of two, the other one its salt. */
static err member(struct scope *s, const char *document, const char *name, json_t **object, json_t **value)
{
    TRY(json_read(s, document, strlen(document), object));
    *value = json_object_get(*object, name);
    return *value && json_object_size(*object) == 2 && json_is_string(json_object_get(*object, "salt")) ? ERR_OK
         : fail(s, ERR_INVALID, "the document has not just a %s and a salt", name);
}

err split_rule_read(struct scope *s, const char *document, enum split_rule *out)
{
    json_t *object = NULL, *value;
    err e = member(s, document, "rule", &object, &value);

    if (e == ERR_OK && (!json_is_string(value) || !split_rule_parse(json_string_value(value), out)))
        e = fail(s, ERR_INVALID, "the rule is none that splits");
    json_decref(object);
    return e;
}

err split_fee_read(struct scope *s, const char *document, int64_t *ppm)
{
    json_t *object = NULL, *value;
    err e = member(s, document, "ppm", &object, &value);

    if (e == ERR_OK && (!json_is_integer(value) || json_integer_value(value) < 0 ||
                        json_integer_value(value) > FEE_WHOLE_PPM))
        e = fail(s, ERR_INVALID, "a fee is 0 to %d millionths", FEE_WHOLE_PPM);
    if (e == ERR_OK)
        *ppm = json_integer_value(value);
    json_decref(object);
    return e;
}

char *split_rule_write(struct scope *s, enum split_rule rule, const char *salt)
{
    return scope_printf(s, "{\"rule\":\"%s\",\"salt\":\"%s\"}", split_rule_name(rule), salt);
}

char *split_fee_write(struct scope *s, int64_t ppm, const char *salt)
{
    return scope_printf(s, "{\"ppm\":%lld,\"salt\":\"%s\"}", (long long)ppm, salt);
}
