/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/folder.h"
#include "api/client/verb.h"
#include "ledger/entry/item_line.h"

/*
 * What a publisher says about items beyond their bytes: a sidecar, JSON Lines {path,attributes?,contributors?,
 * media_type?} with contributors {party,role,weight}, and flags for all items. A line's attributes come before those
 * of flags, and so do its contributors as a whole.
 *
 * The sidecar is checked once to the last line, and only where each line begins is kept: ten million items need no
 * more memory for it. Lines are read again when they are sent.
 */
#define SIDECAR "items.jsonl"

struct sidecar_wish {
    const char *file;              /* NULL: the folder's own, if it is there */
    bool none;                     /* the folder's own is a file like others */
    bool too;                      /* it is an item as well */
    const struct texts *attributes, *contributors;        /* k=v; party:role:weight */
};
struct sidecar {
    int fd;                        /* -1: none */
    const char *name;              /* as it is called in complaints */
    json_t *attributes, *contributors;                    /* for all; NULL: none */
};

/* Opens and checks it; the folder's own leaves the list of files. ERR_INVALID names file and line. */
err  sidecar_open(struct scope *s, const struct sidecar_wish *wish, int folder, struct files *files,
                  struct sidecar *out);
void sidecar_close(struct sidecar *sc);
/* The line of one file as it is published; everything in the scope. */
err  sidecar_line(struct scope *s, const struct sidecar *sc, const struct file *f, struct item_line *out);
