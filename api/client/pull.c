/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/pull.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "api/client/manifest.h"
#include "api/client/verb.h"
#include "ledger/entry/lists.h"
#include "schema/base/parallel.h"
#include "schema/json/canon.h"

#define THREADS_DEFAULT 8
#define PAGE_ITEMS 500

struct options { const char *parallel; bool no_receipts; };

static const struct flag flags[] = {
    { "parallel", "N", false, offsetof(struct options, parallel), "downloads at a time, 1 to 32; 8 if not said" },
    { "no-receipts", NULL, false, offsetof(struct options, no_receipts),
      "keep the license's proof, not the one of each access" },
};

struct page { struct pull *pull; size_t n; struct pull_item items[PAGE_ITEMS]; };

/* The receipt that an earlier run kept; ERR_NOT_FOUND also if it is none any more. */
static err kept_receipt(struct scope *s, struct pull *p, const char *base, struct receipt *out)
{
    struct bytes document, proof;
    err e;

    TRY(folder_read(s, p->folder, scope_printf(s, "%s.json", base), RECEIPT_BYTES_MAX, &document));
    TRY(folder_read(s, p->folder, scope_printf(s, "%s.tlog-proof", base), RECEIPT_BYTES_MAX, &proof));
    e = receipt_check(s, &p->log_key, document, proof, out);
    if (e == ERR_OK)
        return ERR_OK;
    scope_forgive(s);
    return fail(s, ERR_NOT_FOUND, "what is kept is no receipt of this log");
}

err pull_receipt(struct scope *s, struct pull *p, struct market *m, uint64_t index, struct receipt *out)
{
    const char *base = scope_printf(s, FOLDER_OWN "/receipts/%llu", (unsigned long long)index);
    struct bytes document, proof;

    if (kept_receipt(s, p, base, out) == ERR_OK && out->index == index)
        return ERR_OK;
    scope_forgive(s);
    TRY(receipt_fetch(s, m, index, &document, &proof));
    TRY(receipt_check(s, &p->log_key, document, proof, out));
    if (out->index != index)
        return fail(s, ERR_CORRUPT, "the receipt of entry %llu is of another one", (unsigned long long)index);
    TRY(folder_write(s, p->folder, scope_printf(s, "%s.json", base), document.p, document.len));
    return folder_write(s, p->folder, scope_printf(s, "%s.tlog-proof", base), proof.p, proof.len);
}

static err item_read(struct scope *s, const json_t *row, struct pull_item *out)
{
    const char *path;

    *out = (struct pull_item){ .entry = -1 };
    TRY(json_count(s, row, "n", &out->n));
    TRY(json_text(s, row, "path", &path));
    TRY(json_count(s, row, "size", &out->size));
    out->path = scope_strdup(s, path);
    return json_hash(s, row, "sha256", &out->sha256);
}

static err work(struct scope *s, void *arg, size_t thing, unsigned thread)
{
    struct page *page = arg;

    return pull_one(s, page->pull, &page->items[thing], thread);
}

/* One page: read, pulled in parallel, noted in the manifest in the list's order. */
struct pulling { struct pull *pull; struct manifest *manifest; struct frontier *tree; };

static err pull_page(struct scope *s, void *arg, const json_t *data)
{
    const struct pulling *w = arg;
    struct page *page = NEW(s, struct page);
    struct buf leaf = BUF(s);
    size_t i;
    json_t *row;
    err e;

    page->pull = w->pull;
    json_array_foreach(data, i, row) {
        struct pull_item *item = &page->items[page->n];
        if (page->n == PAGE_ITEMS)
            return fail(s, ERR_CORRUPT, "a page of more items than asked for");
        TRY(item_read(s, row, item));
        TRY(manifest_entry_of(s, w->manifest, item->n, &item->sha256, &item->entry));
        list_add_item(w->tree, &leaf, item->path, strlen(item->path), &item->sha256, (uint64_t)item->size);
        page->n++;
    }
    e = parallel_run(s, w->pull->threads, page->n, work, page);
    for (i = 0; i < page->n; i++)
        if (page->items[i].fate != ITEM_FAILED)
            TRY(manifest_add(s, w->manifest, &page->items[i]));
    return e;
}

static err pull_pages(struct scope *s, struct pull *p, struct manifest *mf, struct frontier *tree)
{
    struct pulling w = { p, mf, tree };

    return market_pages(s, &p->markets[0],
                        scope_printf(s, "/v1/licenses/%s/items?limit=%d", p->license, PAGE_ITEMS), pull_page, &w);
}

/* A folder is of one log: a market that names another key later is not the one that it was pulled from. */
static err keep_key(struct scope *s, struct pull *p, const char *vkey)
{
    const char *line = scope_printf(s, "%s\n", vkey);
    struct bytes kept;
    err e = folder_read(s, p->folder, FOLDER_OWN "/log.vkey", NOTE_BYTES_MAX, &kept);

    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return folder_write(s, p->folder, FOLDER_OWN "/log.vkey", line, strlen(line));
    }
    TRY(e);
    if (kept.len == strlen(line) && memcmp(kept.p, line, kept.len) == 0)
        return ERR_OK;
    return fail(s, ERR_CORRUPT, "the market names the log key %s; this folder was pulled under another one", vkey);
}

/* The license as agreed, and as the ledger has it: what its entry doesn't bear out is not pulled by. */
static err keep_license(struct scope *s, struct pull *p, const json_t *license, const char *vkey)
{
    struct receipt r;
    struct bytes text;
    const char *id;
    int64_t index;

    TRY(keep_key(s, p, vkey));
    TRY(json_text(s, license, "id", &id));
    if (strcmp(id, p->license) != 0)
        return fail(s, ERR_CORRUPT, "the market answers with license %s", id);
    TRY(json_count(s, json_object_get(license, "entry"), "index", &index));
    TRY(pull_receipt(s, p, &p->markets[0], (uint64_t)index, &r));
    TRY(receipt_of_license(s, &r, license));
    TRY(canon(s, license, &text));
    return folder_write(s, p->folder, FOLDER_OWN "/license.json", text.p, text.len);
}

static err take_lock(struct scope *s, struct pull *p, int *lock)
{
    const char *name;
    int at;

    TRY(folder_of(s, p->folder, FOLDER_OWN "/lock", true, &at, &name));
    *lock = openat(at, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    close(at);
    if (*lock < 0)
        return fail(s, ERR_IO, "%s/lock: %s", FOLDER_OWN, strerror(errno));
    if (flock(*lock, LOCK_EX | LOCK_NB) != 0)
        return fail(s, ERR_CONFLICT, "another pull into this folder is running");
    return ERR_OK;
}

/* The items are one list: their root is the one that was licensed, or the server showed another list. */
static err pull_all(struct scope *s, struct pull *p, const json_t *license)
{
    struct frontier tree = FRONTIER_EMPTY;
    struct manifest mf;
    struct hash want, got;
    err e;

    TRY(json_hash(s, license, "slice_root", &want));
    TRY(manifest_open(s, p->folder, &mf));
    e = fetched_open(s, p->folder, &p->fetched_fd);
    if (e != ERR_OK)
        return manifest_close(s, &mf, false, e);
    progress_start(&p->progress, "items", (uint64_t)json_integer_value(json_object_get(license, "item_count")), 0);
    e = pull_pages(s, p, &mf, &tree);
    progress_end(&p->progress);
    if (syncfs(p->folder) != 0 && e == ERR_OK)
        e = fail(s, ERR_IO, "the folder: %s", strerror(errno));
    close(p->fetched_fd);
    TRY(manifest_close(s, &mf, e == ERR_OK, e));
    got = frontier_root(&tree);
    return hash_equal(&got, &want) ? ERR_OK
         : fail(s, ERR_CORRUPT, "the list of items has root %s, licensed is %s", hash_hex(s, &got), hash_hex(s, &want));
}

static err tell(struct scope *s, const struct pull *p, const char *folder)
{
    say("fetched    %s, %s", count_text(s, p->fetched, "item", "items"), size_text(s, p->bytes_fetched));
    say("held       %s already there and verified", count_text(s, p->held, "item", "items"));
    if (p->excluded)
        say("left out   %s that the clearance excludes", count_text(s, p->excluded, "item", "items"));
    if (p->withdrawn)
        say("left out   %s whose consent was withdrawn since", count_text(s, p->withdrawn, "item", "items"));
    if (p->held + p->fetched == 0 && p->excluded + p->withdrawn > 0)
        return fail(s, ERR_ITEM_EXCLUDED, "nothing of the license could be had");
    if (p->failed)
        return fail(s, ERR_CORRUPT, "%s of the license could not be had", count_text(s, p->failed, "item", "items"));
    say("complete   every hash is right; %s in %s/%s",
        p->receipts ? "manifest, license and receipts" : "manifest, license and its receipt", printable(s, folder),
        FOLDER_OWN);
    return ERR_OK;
}

static err pull_into(struct scope *s, struct pull *p, const json_t *license, const char *folder)
{
    const char *vkey;
    int lock = -1;
    err e;

    TRY(folder_open(s, folder, true, &p->folder));
    e = take_lock(s, p, &lock);
    if (e == ERR_OK)
        e = log_key_fetch(s, &p->markets[0], &p->log_key, &vkey);
    if (e == ERR_OK)
        e = keep_license(s, p, license, vkey);
    if (e == ERR_OK)
        e = pull_all(s, p, license);
    if (p->failed > PULL_FAILURES_SHOWN)
        complain("and %zu more", (size_t)p->failed - PULL_FAILURES_SHOWN);
    if (e == ERR_CLEARANCE_MISSING || e == ERR_CLEARANCE_OVER) {
        const char *why = scope_strdup(s, s->why.detail);
        scope_forgive(s);
        e = fail(s, e, "%s: `counterfoil clear %s` asks for one", why, p->license);
    }
    if (e == ERR_OK)
        e = tell(s, p, folder);
    if (lock >= 0)
        close(lock);
    close(p->folder);
    return e;
}

/* "owner/name" -> "name"; what a server says never names a folder outside this one. */
static const char *default_folder(const json_t *license)
{
    const char *dataset = json_text_or(license, "dataset", ""), *slash = strchr(dataset, '/');
    const char *name = slash ? slash + 1 : dataset;

    return item_path_valid(name, strlen(name)) && !strchr(name, '/') ? name : "pulled";
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    struct pull *p = NEW(s, struct pull);
    json_t *license = NULL;
    uint64_t threads = THREADS_DEFAULT;
    unsigned opened = 1;
    err e;

    if (o->parallel && (!decimal_read(o->parallel, strlen(o->parallel), PULL_THREADS_MAX, &threads) || threads == 0))
        return fail(s, ERR_INVALID, "--parallel is 1 to %d", PULL_THREADS_MAX);
    p->threads = (unsigned)threads;
    p->receipts = !o->no_receipts;
    TRY(market_id(s, c->args.v[0], "lic_", HINT_LICENSE));
    p->license = fetch_escape(s, c->args.v[0]);
    TRY(market_open(s, &p->markets[0], true));
    e = market_get(s, &p->markets[0], scope_printf(s, "/v1/licenses/%s", p->license), &license);
    for (; e == ERR_OK && opened < p->threads; opened += e == ERR_OK)
        e = market_clone(s, &p->markets[0], &p->markets[opened]);
    if (e == ERR_OK)
        e = pull_into(s, p, license, c->args.n > 1 ? c->args.v[1] : default_folder(license));
    while (opened > 0)
        market_close(&p->markets[--opened]);
    json_decref(license);
    return e;
}

const struct verb verb_pull = {
    .name = "pull", .args = "LICENSE [DIR]", .args_min = 1, .args_max = 2,
    .line = "fetch what a license covers, verified",
    .more = "Writes the items in their paths below DIR (default: the dataset's name), several at a time, each\n"
            "verified before it is in its place, and beside them in DIR/" FOLDER_OWN " manifest, license and the\n"
            "receipt of each access. Run again, it verifies what is there and fetches only what is missing, from\n"
            "where it was cut off. What the clearance excludes, or a withdrawal has taken out since, is left out and\n"
            "noted in the manifest; that is no failure.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
