/* SPDX-License-Identifier: Apache-2.0 */
#include "api/refused.h"

err refused(struct scope *s, err e, enum refusal why, const char *base)
{
    const char *detail, *pointer;

    if ((e != ERR_INVALID && e != ERR_MALFORMED) || why == REFUSAL_NONE)
        return e;
    detail = scope_strdup(s, s->why.detail);
    pointer = scope_printf(s, "%s%s", base, s->why.pointer);
    scope_forgive(s);
    return fail_for(s, ERR_INVALID, refusal_code(why), pointer, "%s; %s", detail, refusal_remedy(why));
}

err refuse(struct scope *s, enum refusal why, const char *pointer, const char *more)
{
    return fail_for(s, ERR_INVALID, refusal_code(why), pointer, "%s; %s", refusal_sentence(why),
                    more ? more : refusal_remedy(why));
}

void refusal_show(json_t *shown, const char *code)
{
    enum refusal why;
    bool known = code && refusal_parse(code, &why);

    json_object_set_new(shown, "sentence", known ? json_string(refusal_sentence(why)) : json_null());
    json_object_set_new(shown, "remedy", known ? json_string(refusal_remedy(why)) : json_null());
}
