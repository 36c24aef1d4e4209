/* SPDX-License-Identifier: Apache-2.0 */
/* counterfoil: the tool of people. `counterfoil help` lists the verbs. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/verb.h"
#include "ledger/keys/sign.h"
#include "schema/base/log.h"
#include "worker/fetch/fetch.h"

#define HELP_ARGS 34               /* what is longer has its words on the next line */

static const struct verb *const verbs[] = {
    &verb_key, &verb_party, &verb_pay, &verb_publish, &verb_datasets, &verb_offer, &verb_quote, &verb_buy,
    &verb_license, &verb_clear, &verb_pull, &verb_balance, &verb_statement, &verb_payout, &verb_consent,
    &verb_certificate, &verb_audit,
    &verb_receipt, &verb_verify, &verb_witness, &verb_grant, &verb_erase,
};

static void print_help(void)
{
    printf("counterfoil: publish, license, fetch and audit training data\n\n");
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        const char *args = verbs[i]->args;
        bool wide = strlen(args) > HELP_ARGS;
        printf("  %-11s %-*s%s%*s%s\n", verbs[i]->name, HELP_ARGS, args, wide ? "\n" : "",
               wide ? HELP_ARGS + 15 : 1, "", verbs[i]->line);
    }
    printf("\n`counterfoil VERB --help` says more. Environment:\n\n");
    market_print_config();
}

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

static int run(const struct verb *v, int argc, char **argv)
{
    struct scope s;
    struct call call;
    bool help;
    int code;
    err e;

    scope_init(&s, 0);
    e = call_parse(&s, v, argc, argv, &call, &help);
    if (e != ERR_OK) {
        complain("%s (see counterfoil %s --help)", s.why.detail, v->name);
        scope_free(&s);
        return EXIT_UNKNOWN;
    }
    if (help) {
        verb_print_help(v);
        scope_free(&s);
        return 0;
    }
    e = v->run(&s, &call);
    code = call.exit_code;
    if (e != ERR_OK) {
        complain("%s", printable(&s, s.why.detail));
        code = code ? code : 1;
    }
    scope_free(&s);
    return code;
}

int main(int argc, char **argv)
{
    const struct verb *v = argc > 1 ? find_verb(argv[1]) : NULL;

    signal(SIGPIPE, SIG_IGN);
    log_open("counterfoil", LOG_WARNING);
    if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        v = argc > 2 ? find_verb(argv[2]) : NULL;
        if (v)
            verb_print_help(v);
        else
            print_help();
        return argc < 2 ? EXIT_UNKNOWN : 0;
    }
    if (!v) {
        complain("no verb '%s'; counterfoil help lists them", argv[1]);
        return EXIT_UNKNOWN;
    }
    keys_init();
    fetch_init();
    return run(v, argc - 2, argv + 2);
}
