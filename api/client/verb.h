/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/base/scope.h"

/*
 * Verbs of `counterfoil`: a table of rows, one file per verb. A verb declares
 * its arguments and flags; main.c parses, prints help from the rows, and turns
 * an error into one line on standard error and exit code 1.
 */
#define TEXTS_MAX 64
struct texts { size_t n; const char *v[TEXTS_MAX]; };

struct flag {
    const char *name;          /* "purpose": --purpose P or --purpose=P */
    const char *values;        /* what the help calls its values, separated by spaces; NULL: none, then it's a bool */
    bool many;                 /* may be given again */
    size_t offset;             /* in the verb's options: bool; const char * of one value; else struct texts */
    const char *help;
};

struct call {
    const void *options;       /* the verb's own struct, filled from its flags */
    struct texts args;
    int exit_code;             /* of a verb that ran; errors make it 1 */
};

struct verb {
    const char *name, *args;   /* "publish", "DIR OWNER/NAME" */
    size_t args_min, args_max;
    const char *line;          /* one line for `counterfoil help` */
    const char *more;          /* paragraphs for --help; may be NULL */
    const struct flag *flags;
    size_t n_flags, options_size;
    err (*run)(struct scope *s, struct call *c);
};

#define FLAGS(rows) rows, ARRAY_LEN(rows)

extern const struct verb verb_key, verb_party, verb_pay, verb_publish, verb_offer, verb_quote, verb_buy, verb_license,
                         verb_balance, verb_datasets, verb_pull, verb_audit, verb_verify, verb_consent, verb_clear,
                         verb_statement, verb_payout, verb_certificate, verb_witness, verb_erase,
                         verb_grant, verb_receipt;

/* Exit codes */
#define EXIT_SOUND    0
#define EXIT_FINDINGS 1
#define EXIT_UNKNOWN  2        /* could not check; also: asked wrongly */

/* Fills options and args; ERR_INVALID says what is wrong. `help` is set when --help was among them. */
err call_parse(struct scope *s, const struct verb *v, int argc, char **argv, struct call *out, bool *help);
void verb_print_help(const struct verb *v);
