/* SPDX-License-Identifier: Apache-2.0 */
/* A pulled folder: every file, its list's root against the license, license and receipts against the log. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/client/manifest.h"
#include "api/client/receipt.h"
#include "api/client/say.h"
#include "api/client/verify.h"
#include "ledger/entry/lists.h"
#include "schema/base/parallel.h"
#include "schema/json/canon.h"

#define FILE_BYTES_MAX (16 << 20)
#define BATCH_ITEMS 1000

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
    return note_key_parse(text, out) ? ERR_OK
         : fail(s, ERR_INVALID, "not a verifier key of a log: %s", printable(s, text));
}

static err check_folder(struct scope *s, struct check *c, const struct verify_with *with, const json_t *license)
{
    struct hash root, got;
    int64_t count;

    TRY(log_key(s, c->folder, with->folder_key, &c->key));
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

err verify_folder(struct scope *s, const char *path, const struct verify_with *with, uint64_t *findings)
{
    struct check c = { .tree = FRONTIER_EMPTY, .policy = with->policy };
    struct bytes text;
    json_t *license = NULL;
    err e;

    TRY(folder_open(s, path, false, &c.folder));
    e = folder_read(s, c.folder, FOLDER_OWN "/license.json", FILE_BYTES_MAX, &text);
    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        e = fail(s, ERR_CONFIG, "this is no folder that `counterfoil pull` has made: there is no " FOLDER_OWN
                 "/license.json in it");
    }
    if (e == ERR_OK)
        e = json_read_as(s, (const char *)text.p, text.len, (struct json_rules){ .any_number = true }, &license);
    if (e == ERR_OK)
        e = check_folder(s, &c, with, license);
    json_decref(license);
    close(c.folder);
    *findings += c.wrong;
    if (e == ERR_OK)
        say("%s", c.wrong ? "NOT SOUND" : "sound");
    return e;
}
