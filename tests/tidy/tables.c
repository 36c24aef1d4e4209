/* SPDX-License-Identifier: Apache-2.0 */

/*
 * tables: prints a table of the code in Markdown, for docs/generate.
 *
 *   tables entries      types of entries (ledger/entry/types.def)
 *   tables codes        the closed lists of codes
 *   tables errors       errors (schema/base/err.def): slug, status, whose fault
 *   tables rules        the auditor's rules (ledger/audit/rules.def)
 *   tables words        the closed lists of codes that only credentials have
 *   tables refusals     why a credential is not taken (ledger/cert/refusal.def)
 *   tables accesses     why an item is not delivered (ledger/rules/access.def)
 */
#include <stdio.h>
#include <string.h>

#include "ledger/audit/audit.h"
#include "ledger/cert/clearance.h"
#include "ledger/cert/consent.h"
#include "ledger/cert/sourcing.h"
#include "ledger/cert/withdrawal.h"
#include "ledger/entry/entry.h"
#include "ledger/rules/access.h"

static void print_entries(void)
{
    entry_print_table(stdout);
}

struct named_list { const char *name; const struct code_list *list; };

static void print_lists(const struct named_list *rows, size_t n)
{
    printf("| list | codes |\n| --- | --- |\n");
    for (size_t i = 0; i < n; i++) {
        printf("| %s |", rows[i].name);
        for (size_t j = 0; j < rows[i].list->n; j++)
            printf(" `%s`", rows[i].list->code[j]);
        printf(" |\n");
    }
}

static void print_codes(void)
{
    static const struct named_list rows[] = {
        { "roles", &role_codes }, { "purposes", &purpose_codes }, { "results of verification", &verification_codes },
        { "reasons of a license's end", &ending_codes },
        { "who ended a consent or certificate", &withdrawal_codes },
        { "roles of an item's contributors", &contributor_codes },
    };

    print_lists(rows, ARRAY_LEN(rows));
}

static void print_words(void)
{
    static const struct named_list rows[] = {
        { "purposes", &purpose_codes }, { "prohibitions", &prohibition_codes }, { "classes of models", &model_codes },
        { "roles", &contributor_codes }, { "levels of assurance", &assurance_codes },
        { "effects of a withdrawal", &effect_codes }, { "evidence", &evidence_codes },
        { "actions of a withdrawal", &withdrawal_action_codes }, { "criteria of sourcing", &criterion_codes },
        { "verdicts", &clearance_verdict_codes }, { "reasons of exclusion", &exclusion_codes },
        { "purposes of status lists", &status_purpose_codes },
    };

    print_lists(rows, ARRAY_LEN(rows));
}

static void print_refusals(void)
{
    printf("| code | why | what to do |\n| --- | --- | --- |\n");
    for (int i = REFUSAL_NONE + 1; i < REFUSALS; i++)
        printf("| `%s` | %s | %s |\n", refusal_code((enum refusal)i), refusal_sentence((enum refusal)i),
               refusal_remedy((enum refusal)i));
}

static void print_accesses(void)
{
    printf("| code | status | why, and what to do |\n| --- | --- | --- |\n");
    for (enum access_verdict v = 0; v < GATE_VERDICTS; v++)
        if (!access_granted(v))
            printf("| `%s` | %d | %s |\n", access_code(v), err_status(access_error(v)), access_sentence(v));
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
        { "words", print_words }, { "refusals", print_refusals },
        { "accesses", print_accesses },
    };

    for (size_t i = 0; argc == 2 && i < ARRAY_LEN(rows); i++)
        if (strcmp(argv[1], rows[i].name) == 0) {
            rows[i].print();
            return 0;
        }
    fprintf(stderr, "usage: tables entries|codes|errors|rules|words|refusals|accesses\n");
    return 2;
}
