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
    return fail_at(s, ERR_INVALID, pointer, "%s: %s", refusal_code(why), detail);
}

err refuse(struct scope *s, enum refusal why, const char *pointer, const char *more)
{
    return fail_at(s, ERR_INVALID, pointer, "%s: %s%s%s", refusal_code(why), refusal_sentence(why), more ? "; " : "",
                   more ? more : "");
}
