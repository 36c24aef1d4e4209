/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "api/client/publish.h"
#include "api/client/say.h"
#include "ledger/entry/lists.h"
#include "schema/base/parallel.h"

struct hashing { int folder; struct files *files; struct progress progress; };

static void tick(void *arg, size_t bytes)
{
    progress_add(arg, 0, bytes);
}

static err hash_one(struct scope *s, void *arg, size_t thing, unsigned thread)
{
    struct hashing *h = arg;
    struct file *f = &h->files->v[thing];
    err e;
    int fd;

    (void)thread;
    TRY(file_open(s, h->folder, f->path, &fd));
    e = file_hash(s, fd, &f->sha256, &f->size, tick, &h->progress);
    close(fd);
    progress_add(&h->progress, 1, 0);
    return e;
}

err publish_hash(struct scope *s, int folder, struct files *files, struct hash *root)
{
    struct hashing h = { .folder = folder, .files = files };
    struct frontier tree = FRONTIER_EMPTY;
    struct buf leaf = BUF(s);
    uint64_t bytes = 0;
    err e;

    for (size_t i = 0; i < files->n; i++)
        bytes += (uint64_t)files->v[i].size;
    progress_start(&h.progress, "hashing", files->n, bytes);
    e = parallel_run(s, parallel_cores(), files->n, hash_one, &h);
    progress_end(&h.progress);
    for (size_t i = 0; e == ERR_OK && i < files->n; i++) {
        const struct file *f = &files->v[i];
        list_add_item(&tree, &leaf, f->path, strlen(f->path), &f->sha256, (uint64_t)f->size);
    }
    *root = frontier_root(&tree);
    return e;
}
