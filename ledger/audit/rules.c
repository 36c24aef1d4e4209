/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/audit/audit.h"

#define ENTRIES     WITH_ENTRIES
#define LISTS       WITH_LISTS
#define DISCLOSURES WITH_DISCLOSURES
#define BOTH        WITH_BOTH
#define RULE(id, name_, with_, sentence_) [RULE_##id] = { .name = name_, .sentence = sentence_, .with = with_ },
const struct audit_rule audit_rules[RULES] = {
#include "ledger/audit/rules.def"
};

const char *audit_with_name(enum audit_with with)
{
    static const char *const names[WITHS] = {
        [WITH_ENTRIES] = "entries", [WITH_LISTS] = "entries and lists", [WITH_DISCLOSURES] = "disclosures",
        [WITH_BOTH] = "lists and disclosures",
    };

    return names[with];
}

void audit_print_rules(FILE *out)
{
    fprintf(out, "| rule | checked with | what must hold |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < RULES; i++)
        fprintf(out, "| `%s` | %s | %s |\n", audit_rules[i].name, audit_with_name(audit_rules[i].with),
                audit_rules[i].sentence);
}
