/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/audit_mirror.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "api/client/folder.h"
#include "ledger/tree/tile.h"

#define TILE_BYTES_MAX ((ENTRY_BYTES_MAX + 2) * TILE_WIDTH)

err mirror_open(struct scope *s, const char *path, struct mirror *out)
{
    *out = (struct mirror){ .folder = -1, .path = path, .kept = s };
    return folder_open(s, path, true, &out->folder);
}

void mirror_close(struct mirror *m)
{
    if (m->folder >= 0)
        close(m->folder);
    m->folder = -1;
}

/* What is there; ERR_NOT_FOUND if nothing is, or if it is a folder by now of what a later size needs. */
static err kept(struct scope *s, const struct mirror *m, const char *path, struct bytes *out)
{
    return folder_read(s, m->folder, path, TILE_BYTES_MAX, out);
}

err mirror_seen(struct scope *s, const struct mirror *m, struct bytes *out, uint64_t *size)
{
    const char *line, *end;
    struct bytes note = { 0 };
    err e = folder_read(s, m->folder, "checkpoint", NOTE_BYTES_MAX, &note);

    *size = 0;
    *out = note;
    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return ERR_OK;
    }
    TRY(e);
    line = memchr(note.p, '\n', note.len);
    end = line ? memchr(line + 1, '\n', note.len - (size_t)(line + 1 - (const char *)note.p)) : NULL;
    if (end && !decimal_read(line + 1, (size_t)(end - line - 1), TREE_SIZE_MAX, size))
        *size = 0;
    return ERR_OK;
}

static err checkpoint(struct scope *s, void *arg, struct bytes *note)
{
    struct mirror *m = arg;

    TRY(m->source.checkpoint(s, m->source.arg, note));
    m->begun = false;
    m->note = (struct bytes){ scope_memdup(m->kept, note->p, note->len), note->len };
    return ERR_OK;
}

/*
 * Before the first bundle an audit asks for what proves that the log extends what was seen before: by the log alone,
 * since the copy would prove it for a log that serves nothing any more, and not kept, since a copy of one history is
 * not to be replaced by another.
 */
static err tile(struct scope *s, void *arg, const char *path, struct bytes *out)
{
    struct mirror *m = arg;

    if (strncmp(path, "tile/entries/", 13) == 0)
        m->begun = true;
    if (!m->begun)
        return m->source.tile(s, m->source.arg, path, out);
    if (!m->anew) {
        err e = kept(s, m, path, out);
        m->kept_files += e == ERR_OK;
        if (e != ERR_NOT_FOUND)
            return e;
        scope_forgive(s);
    }
    TRY(m->source.tile(s, m->source.arg, path, out));
    m->written++;
    return folder_write(s, m->folder, path, out->p, out->len);
}

static err document(struct scope *s, void *arg, const char *name, struct bytes *out)
{
    struct mirror *m = arg;

    return m->source.document(s, m->source.arg, name, out);
}

struct audit_source mirror_source(struct mirror *m)
{
    return (struct audit_source){ .checkpoint = checkpoint, .tile = tile,
                                  .document = m->source.document ? document : NULL, .arg = m };
}

/* The first `width` hashes or entries of a full tile. */
static err cut(struct scope *s, const struct tile *t, struct bytes full, struct bytes *out)
{
    struct bytes entries[TILE_WIDTH];
    struct buf b = BUF(s);

    if (!t->entries && full.len == TILE_WIDTH * HASH_SIZE) {
        *out = (struct bytes){ full.p, (size_t)t->width * HASH_SIZE };
        return ERR_OK;
    }
    if (!t->entries || !bundle_split(full.p, full.len, TILE_WIDTH, entries))
        return fail(s, ERR_CORRUPT, "a tile of the mirror is none");
    for (unsigned i = 0; i < t->width; i++)
        bundle_add(&b, entries[i].p, entries[i].len);
    *out = (struct bytes){ (const uint8_t *)b.p, b.len };
    return ERR_OK;
}

static err edge(struct scope *s, struct mirror *m, struct tile t)
{
    char path[TILE_PATH_SIZE];
    struct bytes there, part;
    err e;

    tile_path(&t, path);
    e = kept(s, m, path, &there);
    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    struct tile full = t;
    full.width = TILE_WIDTH;
    char full_path[TILE_PATH_SIZE];
    tile_path(&full, full_path);
    TRY(kept(s, m, full_path, &there));
    TRY(cut(s, &t, there, &part));
    m->written++;
    return folder_write(s, m->folder, path, part.p, part.len);
}

err mirror_finish(struct scope *s, struct mirror *m, uint64_t size)
{
    for (unsigned level = 0; level <= TILE_LEVEL_MAX; level++) {
        struct tile t = { .level = level, .n = size >> 8 * level >> 8 };

        t.width = tile_width(level, t.n, size);
        if (t.width == 0)
            continue;
        TRY(edge(s, m, t));
        t.entries = true;
        if (level == 0)
            TRY(edge(s, m, t));
    }
    if (syncfs(m->folder) != 0)
        return fail(s, ERR_IO, "%s: %s", m->path, strerror(errno));
    return folder_write(s, m->folder, "checkpoint", m->note.p, m->note.len);
}
