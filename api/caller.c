/* SPDX-License-Identifier: Apache-2.0 */
#include "api/caller.h"

#include <string.h>

bool words_have(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
        if (strncmp(at, word, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    return false;
}

bool caller_is(const struct caller *c, const char *role)
{
    return c && c->verified && words_have(c->party.roles, role);
}

bool caller_audits(const struct caller *c)
{
    return c && c->verified && c->granted;
}

bool caller_oversees(const struct caller *c)
{
    return caller_audits(c) || caller_is(c, "operator");
}

const char *caller_whose(const struct caller *c)
{
    return caller_oversees(c) ? NULL : c->party.id.text;
}

bool caller_owns(const struct caller *c, const struct id *party)
{
    return c && c->verified && strcmp(c->party.id.text, party->text) == 0;
}
