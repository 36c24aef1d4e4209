/* SPDX-License-Identifier: Apache-2.0 */

/*
 * tables: prints a table of the code in Markdown, for docs/generate.
 *
 *   tables entries      types of entries (ledger/entry/types.def)
 *   tables codes        the closed lists of codes
 *   tables errors       errors (schema/base/err.def): slug, status, whose fault
 *   tables rules        the auditor's rules (ledger/audit/rules.def)
 */
#include <stdio.h>
#include <string.h>

#include "ledger/audit/audit.h"
#include "ledger/entry/entry.h"

static void print_entries(void)
{
    entry_print_table(stdout);
}

static void print_codes(void)
{
    static const struct { const char *name; const struct code_list *list; } rows[] = {
        { "roles", &role_codes }, { "purposes", &purpose_codes }, { "results of verification", &verification_codes },
        { "reasons of a license's end", &ending_codes }, { "roles of an item's contributors", &contributor_codes },
    };

    printf("| list | codes |\n| --- | --- |\n");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        printf("| %s |", rows[i].name);
        for (size_t j = 0; j < rows[i].list->n; j++)
            printf(" `%s`", rows[i].list->code[j]);
        printf(" |\n");
    }
}

static void print_errors(void)
{
    static const char *const faults[] = {
        [FAULT_CALLER] = "the caller's", [FAULT_RETRY] = "nobody's: try again", [FAULT_OURS] = "ours",
        [FAULT_HALT] = "ours: the ledger halted",
    };

    printf("| slug | status | whose fault |\n| --- | --- | --- |\n");
    for (int e = 1; e < ERR_COUNT; e++) {
        bool said = false;
        for (int before = 1; before < e; before++)
            said = said || strcmp(err_slug((err)before), err_slug((err)e)) == 0;
        if (!said)
            printf("| `%s` | %d | %s |\n", err_slug((err)e), err_status((err)e), faults[err_fault((err)e)]);
    }
}

static void print_rules(void)
{
    printf("| rule | what must hold | checked with |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < RULES; i++)
        printf("| `%s` | %s | %s |\n", audit_rules[i].name, audit_rules[i].sentence,
               audit_with_name(audit_rules[i].with));
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*print)(void); } rows[] = {
        { "entries", print_entries }, { "codes", print_codes }, { "errors", print_errors }, { "rules", print_rules },
    };

    for (size_t i = 0; argc == 2 && i < ARRAY_LEN(rows); i++)
        if (strcmp(argv[1], rows[i].name) == 0) {
            rows[i].print();
            return 0;
        }
    fprintf(stderr, "usage: tables entries|codes|errors|rules\n");
    return 2;
}
