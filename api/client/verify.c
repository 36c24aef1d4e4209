/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/client/clear.h"
#include "api/client/credential.h"
#include "api/client/manifest.h"
#include "api/client/statement.h"
#include "api/client/verb.h"
#include "ledger/entry/lists.h"
#include "schema/base/parallel.h"
#include "schema/json/canon.h"

#define FILE_BYTES_MAX (16 << 20)
#define BATCH_ITEMS 1000

struct options { const char *key, *issuer, *status_issuer, *policy; struct texts status, issuers; };

static const struct flag flags[] = {
    { "key", "VKEY", false, offsetof(struct options, key),
      "the log's verifier key; a folder's own is used if not said" },
    { "policy", "FILE", false, offsetof(struct options, policy),
      "whose cosignatures every checkpoint must have (C2SP tlog-policy); a credential has none, which is said" },
    { "issuer", "DID", false, offsetof(struct options, issuer), "did:key that must have signed it" },
    { "issuer-entry", "FILE", true, offsetof(struct options, issuers),
      "the receipt of log.opened or issuer.key_changed: with --key, a clearance is by the key of its entry's time" },
    { "status", "FILE", true, offsetof(struct options, status), "a saved status list: was the credential revoked" },
    { "status-issuer", "DID", false, offsetof(struct options, status_issuer),
      "did:key that must have signed the status lists" },
};

struct check {                         /* of one pulled folder */
    int folder;
    const char *license;               /* its id, from license.json */
    struct note_key key;
    const struct policy *policy;       /* NULL: none was given */
    struct frontier tree;
    uint64_t items, left_out;
    atomic_ullong receipts, wrong;
    struct progress progress;
};

struct batch { struct check *check; size_t n; struct pull_item items[BATCH_ITEMS]; };

static void wrong(struct scope *s, struct check *c, const char *what, const char *why)
{
    atomic_fetch_add(&c->wrong, 1);
    complain("%s: %s", printable(s, what), printable(s, why));
    scope_forgive(s);
}

/* ERR_NOT_FOUND: it wasn't kept. */
static err kept_receipt(struct scope *s, struct check *c, int64_t index, struct receipt *out)
{
    const char *base = scope_printf(s, FOLDER_OWN "/receipts/%lld", (long long)index);
    struct bytes document, proof;

    TRY(folder_read(s, c->folder, scope_printf(s, "%s.json", base), RECEIPT_BYTES_MAX, &document));
    TRY(folder_read(s, c->folder, scope_printf(s, "%s.tlog-proof", base), RECEIPT_BYTES_MAX, &proof));
    TRY(receipt_check(s, &c->key, document, proof, out));
    return c->policy ? receipt_meets(s, c->policy, &c->key, proof) : ERR_OK;
}

static err receipt_of_item(struct scope *s, struct check *c, const struct pull_item *item)
{
    const struct delivered d = { c->license, (uint64_t)item->entry, item->n, item->size, item->sha256 };
    struct receipt r;
    err e = kept_receipt(s, c, item->entry, &r);

    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return ERR_OK;                 /* how many there are is said in the end */
    }
    TRY(e);
    atomic_fetch_add(&c->receipts, 1);
    return receipt_of_access(s, &r, &d);
}

static err check_item(struct scope *s, void *arg, size_t thing, unsigned thread)
{
    struct batch *b = arg;
    struct check *c = b->check;
    const struct pull_item *item = &b->items[thing];
    struct hash got;
    int64_t size;
    err e;
    int fd;

    (void)thread;
    if (item->left_out)
        return ERR_OK;                 /* in the list, not in the folder */
    e = file_open(s, c->folder, item->path, &fd);
    if (e == ERR_OK) {
        e = file_hash(s, fd, &got, &size, NULL, NULL);
        close(fd);
    }
    if (e == ERR_OK && (size != item->size || !hash_equal(&got, &item->sha256)))
        e = fail(s, ERR_CORRUPT, "its bytes are not the ones the manifest names");
    if (e != ERR_OK)
        wrong(s, c, item->path, s->why.detail);
    if (item->entry >= 0 && receipt_of_item(s, c, item) != ERR_OK)
        wrong(s, c, scope_printf(s, "receipt %lld", (long long)item->entry), s->why.detail);
    progress_add(&c->progress, 1, (uint64_t)item->size);
    return ERR_OK;
}

static err check_batch(struct scope *s, struct check *c, struct batch *b)
{
    struct buf leaf = BUF(s);

    for (size_t i = 0; i < b->n; i++) {
        const struct pull_item *item = &b->items[i];
        if (!item_path_valid(item->path, strlen(item->path)))
            return fail(s, ERR_INVALID, "the manifest has a path that no item has");
        list_add_item(&c->tree, &leaf, item->path, strlen(item->path), &item->sha256, (uint64_t)item->size);
        c->left_out += item->left_out != NULL;
    }
    c->items += b->n;
    return parallel_run(s, parallel_cores(), b->n, check_item, b);
}

static err check_lines(struct scope *s, struct check *c, FILE *f)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n = 0;
    err e = ERR_OK;

    while (e == ERR_OK && n >= 0) {
        struct scope one;
        struct batch *b;
        scope_init(&one, 0);
        b = NEW(&one, struct batch);
        b->check = c;
        while (e == ERR_OK && b->n < BATCH_ITEMS && (n = getline(&line, &cap, f)) >= 0)
            e = manifest_line(&one, line, n > 0 && line[n - 1] == '\n' ? (size_t)n - 1 : (size_t)n, &b->items[b->n++]);
        if (e == ERR_OK)
            e = check_batch(&one, c, b);
        if (e != ERR_OK)
            s->why = one.why;
        scope_free(&one);
    }
    free(line);
    return e;
}

static err check_manifest(struct scope *s, struct check *c, uint64_t items)
{
    FILE *f;
    int fd;
    err e;

    TRY(file_open(s, c->folder, MANIFEST_PATH, &fd));
    f = fdopen(fd, "r");
    if (!f)
        abort();
    progress_start(&c->progress, "verifying", items, 0);
    e = check_lines(s, c, f);
    progress_end(&c->progress);
    fclose(f);
    return e;
}

/* license.json is what its entry in the log says, or it is worth nothing. */
static err check_license(struct scope *s, struct check *c, const json_t *license, struct hash *root)
{
    struct receipt r;
    int64_t index;
    err e;

    TRY(json_text(s, license, "id", &c->license));
    TRY(json_hash(s, license, "slice_root", root));
    TRY(json_count(s, json_object_get(license, "entry"), "index", &index));
    e = kept_receipt(s, c, index, &r);
    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        e = fail(s, ERR_INVALID, "the receipt of its entry %lld is not there: pull again", (long long)index);
    }
    if (e == ERR_OK)
        e = receipt_of_license(s, &r, license);
    if (e != ERR_OK)
        wrong(s, c, "license", s->why.detail);
    return ERR_OK;
}

static err log_key(struct scope *s, int folder, const char *given, struct note_key *out)
{
    const char *text = given;
    struct bytes own;

    if (!text) {
        TRY(folder_read(s, folder, FOLDER_OWN "/log.vkey", NOTE_BYTES_MAX, &own));
        text = scope_strndup(s, (const char *)own.p, strcspn((const char *)own.p, "\n"));
        say("log key    the folder's own: %s (--key takes one from elsewhere)", printable(s, text));
    }
    return note_key_parse(text, out) ? ERR_OK : fail(s, ERR_INVALID, "not a verifier key of a log: %s", text);
}

static err check_folder(struct scope *s, struct check *c, const struct options *o, const json_t *license)
{
    struct hash root, got;
    int64_t count;

    TRY(log_key(s, c->folder, o->key, &c->key));
    TRY(check_license(s, c, license, &root));
    TRY(json_count(s, license, "item_count", &count));
    TRY(check_manifest(s, c, (uint64_t)count));
    got = frontier_root(&c->tree);
    if (!hash_equal(&got, &root))
        wrong(s, c, "manifest", scope_printf(s, "its items have root %s, licensed is %s", hash_hex(s, &got),
                                             hash_hex(s, &root)));
    say("license    %s", c->license);
    say("items      %llu, root %s", (unsigned long long)c->items, hash_hex(s, &got));
    if (c->left_out)
        say("left out   %llu of them, which no clearance covered", (unsigned long long)c->left_out);
    if (c->receipts + c->left_out == c->items)
        say("receipts   %llu", (unsigned long long)c->receipts);
    else
        say("receipts   %llu of accesses, for %llu items", (unsigned long long)c->receipts,
            (unsigned long long)(c->items - c->left_out));
    return ERR_OK;
}

static err verify_folder(struct scope *s, const char *path, const struct options *o, const struct policy *policy,
                         uint64_t *findings)
{
    struct check c = { .tree = FRONTIER_EMPTY, .policy = policy };
    struct bytes text;
    json_t *license = NULL;
    err e;

    TRY(folder_open(s, path, false, &c.folder));
    e = folder_read(s, c.folder, FOLDER_OWN "/license.json", FILE_BYTES_MAX, &text);
    if (e == ERR_OK)
        e = json_read_as(s, (const char *)text.p, text.len, (struct json_rules){ .any_number = true }, &license);
    if (e == ERR_OK)
        e = check_folder(s, &c, o, license);
    json_decref(license);
    close(c.folder);
    *findings += c.wrong;
    if (e == ERR_OK)
        say("%s", c.wrong ? "NOT SOUND" : "sound");
    return e;
}

static err verify_receipt(struct scope *s, const char *path, const struct options *o, const struct policy *policy)
{
    struct bytes proof;
    struct note_key key;
    struct receipt r;

    if (!o->key)
        return fail(s, ERR_INVALID, "this is no document that is known here; a receipt is verified with --key VKEY");
    if (!note_key_parse(o->key, &key))
        return fail(s, ERR_INVALID, "not a verifier key of a log: %s", o->key);
    TRY(receipt_read(s, path, &key, &proof, &r));
    if (policy)
        TRY(receipt_meets(s, policy, &key, proof));
    say("%s: entry %llu of %s, %s, in the tree of %llu entries", printable(s, path), (unsigned long long)r.index,
        r.checkpoint.origin, r.entry.spec->name, (unsigned long long)r.checkpoint.size);
    return ERR_OK;
}

/* Every receipt that the statement brings; those it lacks are found elsewhere. */
static err statement_meets(struct scope *s, const json_t *statement, const struct policy *policy,
                           const struct note_key *key)
{
    const char *index, *proof;
    json_t *kept;

    json_object_foreach(json_object_get((json_t *)statement, "receipts"), index, kept) {
        proof = json_string_value(json_object_get(kept, "proof"));
        if (proof)
            TRY(receipt_meets(s, policy, key, (struct bytes){ (const uint8_t *)proof, strlen(proof) }));
    }
    return ERR_OK;
}

static err verify_statement(struct scope *s, const char *path, const json_t *statement, const struct options *o,
                            const struct policy *policy, uint64_t *findings)
{
    struct statement_found found;
    struct note_key key;

    if (!o->key)
        return fail(s, ERR_INVALID, "a statement is verified with --key VKEY");
    if (!note_key_parse(o->key, &key))
        return fail(s, ERR_INVALID, "not a verifier key of a log: %s", o->key);
    if (policy)
        TRY(statement_meets(s, statement, policy, &key));
    TRY(statement_check(s, &key, statement, &found));
    *findings += found.wrong;
    statement_tell(s, path, &found);
    return ERR_OK;
}

static err verify_clearance(struct scope *s, const char *path, const json_t *clearance, const struct options *o,
                            const struct policy *policy)
{
    struct note_key key;
    struct clear_options as = { o->issuer, o->key ? &key : NULL, policy, &o->issuers };

    if (o->key && !note_key_parse(o->key, &key))
        return fail(s, ERR_INVALID, "not a verifier key of a log: %s", o->key);
    if (policy && !o->key)
        return fail(s, ERR_INVALID, "with --policy FILE a clearance is verified with --key VKEY, too: a policy "
                    "is of the checkpoint over its entry");
    if (o->issuers.n > 0 && !o->key)
        return fail(s, ERR_INVALID, "with --issuer-entry FILE a clearance is verified with --key VKEY, too");
    return clear_verify(s, path, clearance, &as);
}

/* Signed by somebody, it stands beside the log: no checkpoint is in it. */
static err verify_credential(struct scope *s, const char *path, struct bytes text, const struct options *o,
                             const struct policy *policy)
{
    struct credential_options as = { o->issuer, o->status_issuer, &o->status };

    if (policy)
        say("%s: --policy says nothing of it, no checkpoint is in it", printable(s, path));
    return credential_verify(s, path, text, &as);
}

/* By what is in it; what is no JSON document may be one half of a receipt. */
static err verify_file(struct scope *s, const char *path, const struct options *o, const struct policy *policy,
                       uint64_t *findings)
{
    struct json_rules rules = { .values_max = MARKET_VALUES_MAX };
    json_t *value = NULL;
    struct bytes text;
    err e = file_read(s, path, STATEMENT_BYTES_MAX, &text);

    if (e == ERR_OK && credential_is(s, text))
        return verify_credential(s, path, text, o, policy);
    if (e == ERR_OK)
        e = json_read_as(s, (const char *)text.p, text.len, rules, &value);
    if (e != ERR_OK)
        scope_forgive(s);
    e = statement_is(value) ? verify_statement(s, path, value, o, policy, findings)
      : clear_is(value) ? verify_clearance(s, path, value, o, policy) : verify_receipt(s, path, o, policy);
    json_decref(value);
    return e;
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    struct policy *policy = NULL;
    uint64_t findings = 0;

    if (o->policy && policy_file_read(s, o->policy, &policy) != ERR_OK) {
        c->exit_code = EXIT_UNKNOWN;
        return ERR_CONFIG;
    }
    for (size_t i = 0; i < c->args.n; i++) {
        struct stat st;
        err e = stat(c->args.v[i], &st) == 0 && S_ISDIR(st.st_mode)
                    ? verify_folder(s, c->args.v[i], o, policy, &findings)
                    : verify_file(s, c->args.v[i], o, policy, &findings);
        if (e == ERR_INVALID || e == ERR_CORRUPT || e == ERR_MALFORMED) {
            findings++;
            complain("%s: %s", printable(s, c->args.v[i]), printable(s, s->why.detail));
            scope_forgive(s);
        } else if (e != ERR_OK) {
            c->exit_code = EXIT_UNKNOWN;
            return e;
        }
    }
    c->exit_code = findings ? EXIT_FINDINGS : EXIT_SOUND;
    return ERR_OK;
}

const struct verb verb_verify = {
    .name = "verify", .args = "FILE|DIR...", .args_min = 1, .args_max = TEXTS_MAX,
    .line = "verify receipts, folders, statements, credentials",
    .more = "DIR: a pulled folder; every file, the list's root against the license, license and receipts\n"
            "against the log's entries and key. FILE: a receipt (N.tlog-proof beside N.json), with --key;\n"
            "or a saved statement: each line against the entry that commits to it, the sums, with --key, and\n"
            "that no line is missing if it ends at a snapshot (statement --verify --save); or a\n"
            "clearance that clear --out has kept: its proof, its sums, whether it is over, with --key its entry;\n"
            "or a consent with what it covers, a certificate of sourcing, a status list, a request of withdrawal.\n"
            "Exit code 0: all is right, 1: something is not, 2: it could not be checked.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
