/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/audit_source.h"
#include "api/client/folder.h"

#define TILE_BYTES_MAX ((ENTRY_BYTES_MAX + 2) * TILE_WIDTH)

static err checkpoint(struct scope *s, void *arg, struct bytes *note)
{
    struct dir_source *d = arg;

    return folder_read(s, d->folder, "checkpoint", NOTE_BYTES_MAX, note);
}

static err tile(struct scope *s, void *arg, const char *path, struct bytes *out)
{
    struct dir_source *d = arg;

    return folder_read(s, d->folder, path, TILE_BYTES_MAX, out);
}

struct audit_source dir_source_of(struct dir_source *d)
{
    return (struct audit_source){ .checkpoint = checkpoint, .tile = tile, .arg = d };
}
