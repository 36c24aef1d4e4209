/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/verify.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/client/receipt.h"
#include "api/client/say.h"

struct options { const char *key, *issuer, *status_issuer, *policy; struct texts status, issuers, receipts; };

#define AT(member) offsetof(struct options, member)
static const struct flag flags[] = {
    { "key", "VKEY", false, AT(key), "the log's verifier key; a folder's own is used if not said" },
    { "policy", "FILE", false, AT(policy),
      "whose cosignatures every checkpoint must have (C2SP tlog-policy); with --key" },
    { "receipt", "FILE", true, AT(receipts),
      "the receipt of the entry that names a credential, if it isn't beside it as FILE.receipt; with --key" },
    { "issuer", "DID", false, AT(issuer), "did:key that must have signed it" },
    { "issuer-entry", "FILE", true, AT(issuers),
      "the receipt of log.opened or issuer.key_changed: with --key, a license, clearance or status list is by the key "
      "of its entry's time" },
    { "status", "FILE", true, AT(status), "a saved status list: was the credential revoked" },
    { "status-issuer", "DID", false, AT(status_issuer), "did:key that must have signed the status lists" },
};

/* What was asked for makes sense, or nothing is looked at. */
static err with_read(struct scope *s, const struct options *o, struct verify_with *out)
{
    const struct { bool given; const char *name; } need_key[] = {
        { o->policy, "policy" }, { o->receipts.n > 0, "receipt" }, { o->issuers.n > 0, "issuer-entry" },
    };
    struct note_key *key = NEW(s, struct note_key);
    struct policy *policy = NULL;

    for (size_t i = 0; i < ARRAY_LEN(need_key); i++)
        if (need_key[i].given && !o->key)
            return fail(s, ERR_CONFIG, "--%s goes with --key VKEY: it is about the log's entries and checkpoints",
                        need_key[i].name);
    for (size_t i = 0; i < o->receipts.n; i++)
        if (access(o->receipts.v[i], R_OK) != 0)
            return fail(s, ERR_CONFIG, "--receipt %s: %s", printable(s, o->receipts.v[i]), strerror(errno));
    if (o->key && !note_key_parse(o->key, key))
        return fail(s, ERR_CONFIG, "not a verifier key of a log (name+hash+key, as /v1/log/key shows it): %s",
                    printable(s, o->key));
    if (o->policy)
        TRY(policy_file_read(s, o->policy, &policy));
    *out = (struct verify_with){ .key = o->key ? key : NULL, .folder_key = o->key, .policy = policy,
                                 .issuer = o->issuer, .status_issuer = o->status_issuer, .receipts = &o->receipts,
                                 .issuers = &o->issuers, .status = &o->status };
    return ERR_OK;
}

/* Its exit code. */
static int verify_one(const char *path, const struct verify_with *with)
{
    uint64_t findings = 0;
    struct scope one;
    struct stat st;
    int code;
    err e;

    scope_init(&one, 0);
    e = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? verify_folder(&one, path, with, &findings)
                                                    : verify_file(&one, path, with, &findings);
    code = e == ERR_INVALID || e == ERR_CORRUPT || e == ERR_MALFORMED || findings ? EXIT_FINDINGS
         : e != ERR_OK ? EXIT_UNKNOWN : EXIT_SOUND;
    if (e != ERR_OK)
        complain("%s: %s", printable(&one, path), printable(&one, one.why.detail));
    scope_free(&one);
    return code;
}

static err run(struct scope *s, struct call *c)
{
    struct verify_with with;
    bool wrong = false, unknown = false;

    c->exit_code = EXIT_UNKNOWN;
    TRY(with_read(s, c->options, &with));
    for (size_t i = 0; i < c->args.n; i++) {
        int code = verify_one(c->args.v[i], &with);
        wrong |= code == EXIT_FINDINGS;
        unknown |= code == EXIT_UNKNOWN;
    }
    c->exit_code = wrong ? EXIT_FINDINGS : unknown ? EXIT_UNKNOWN : EXIT_SOUND;
    return ERR_OK;
}

const struct verb verb_verify = {
    .name = "verify", .args = "FILE|DIR...", .args_min = 1, .args_max = TEXTS_MAX,
    .line = "verify receipts, licenses, statements, credentials, folders",
    .more = "DIR: a pulled folder; every file, the list's root against the license, license and receipts\n"
            "against the log's entries and key. FILE: a receipt, in one file or as N.tlog-proof beside N.json; a\n"
            "checkpoint; a saved statement: each line against the entry that commits to it, the sums, and that no\n"
            "line is missing if it ends at a snapshot (statement --verify --save); all these with --key. Or a\n"
            "license, clearance or status list: its proof, its sums, whether it is over, with --key its entry, by\n"
            "FILE.receipt beside it; or a consent with what it covers, a certificate of sourcing, a request of\n"
            "withdrawal. docs/auditing.md says where each comes from.\n"
            "Exit code 0: all is right, 1: something is not, 2: something could not be checked.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
