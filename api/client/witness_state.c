/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/witness_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/client/folder.h"
#include "ledger/keys/sha256.h"

#define HEAD "counterfoil-witness-v1\n"
#define STATE_MAX 512

/* The folder's own name survives a power cut, too. */
static err name_sync(struct scope *s, const char *path, int folder)
{
    int above = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = above >= 0 && fsync(above) == 0;

    if (above >= 0)
        close(above);
    return good ? ERR_OK : fail(s, ERR_IO, "%s is not durable: %s", path, strerror(errno));
}

static err folder_own(struct scope *s, const char *path, bool make, int folder)
{
    struct stat st;

    if (fstat(folder, &st) != 0 || (st.st_mode & 022) != 0)
        return fail(s, ERR_CONFIG, "others can write to %s: chmod 700 it", path);
    if (flock(folder, LOCK_EX | LOCK_NB) != 0)
        return fail(s, ERR_CONFLICT, "%s: another process is this witness", path);
    return make ? name_sync(s, path, folder) : ERR_OK;
}

err witness_state_open(struct scope *s, const char *path, bool make, struct witness_state *out)
{
    err e;

    if (make && mkdir(path, 0700) != 0 && errno != EEXIST)
        return fail(s, ERR_IO, "%s: %s", path, strerror(errno));
    TRY(folder_open(s, path, false, &out->folder));
    e = folder_own(s, path, make, out->folder);
    if (e != ERR_OK)
        close(out->folder);
    return e;
}

void witness_state_close(struct witness_state *w)
{
    close(w->folder);
}

static const char *file_of(struct scope *s, const char *origin)
{
    struct hash h = sha256_of(origin, strlen(origin));

    return hash_hex(s, &h);
}

/* Head, the checkpoint's three lines, SHA-256 over both. */
static char *state_text(struct scope *s, const struct checkpoint *c)
{
    char *text = scope_printf(s, HEAD "%s", checkpoint_text(s, c));
    struct hash sum = sha256_of(text, strlen(text));

    return scope_printf(s, "%s%s\n", text, hash_hex(s, &sum));
}

err witness_state_get(struct scope *s, const struct witness_state *w, const char *origin, struct checkpoint *out)
{
    const char *name = file_of(s, origin);
    const size_t head = sizeof HEAD - 1, tail = HEX_SIZE(HASH_SIZE);
    struct checkpoint c;
    struct bytes text;
    err e = folder_read(s, w->folder, name, STATE_MAX, &text);

    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return fail(s, e, "what was cosigned of %s is not here (%s): if it ever was, find that file; if never, "
                    "begin with --new", origin, name);
    }
    TRY(e);
    if (text.len < head + tail || !checkpoint_parse((const char *)text.p + head, text.len - head - tail, &c) ||
        strcmp(c.origin, origin) != 0 || strlen(state_text(s, &c)) != text.len ||
        memcmp(state_text(s, &c), text.p, text.len) != 0)
        return fail(s, ERR_CORRUPT, "%s is damaged: what was cosigned of %s is not known any more", name, origin);
    *out = c;
    return ERR_OK;
}

static err write_all(struct scope *s, int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(s, ERR_IO, "the witness's state cannot be written: %s", strerror(errno));
        text += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

err witness_state_put(struct scope *s, const struct witness_state *w, const struct checkpoint *c)
{
    const char *name = file_of(s, c->origin), *aside = scope_printf(s, "%s.new", name), *text = state_text(s, c);
    int fd = openat(w->folder, aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    err e;

    if (fd < 0)
        return fail(s, ERR_IO, "%s: %s", aside, strerror(errno));
    e = write_all(s, fd, text, strlen(text));
    if (e == ERR_OK && fdatasync(fd) != 0)
        e = fail(s, ERR_IO, "%s is not durable: %s", aside, strerror(errno));
    close(fd);
    TRY(e);
    if (renameat(w->folder, aside, w->folder, name) != 0 || fsync(w->folder) != 0)
        return fail(s, ERR_IO, "%s: %s", name, strerror(errno));
    return ERR_OK;
}

err witness_state_new(struct scope *s, const struct witness_state *w, const char *origin, struct checkpoint *out)
{
    struct checkpoint c = { .root = empty_root() };

    if (faccessat(w->folder, file_of(s, origin), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return fail(s, ERR_CONFLICT, "%s is witnessed here already: --log, not --new", origin);
    snprintf(c.origin, sizeof c.origin, "%s", origin);
    *out = c;
    return ERR_OK;
}

/* ---- what proves a fork */

/* Each log has two of them, so that one stays while the other is written. */
static const char *note_file(struct scope *s, const char *origin, int which)
{
    return scope_printf(s, "%s.%d.note", file_of(s, origin), which);
}

/* Whether that file has a note of this very checkpoint. ERR_OK and false: it is there no more, or of another one. */
static err note_is_of(struct scope *s, const struct witness_state *w, const struct note_key *log, int which,
                      const struct checkpoint *c, bool *yes, struct bytes *note)
{
    struct checkpoint kept;
    err e = folder_read(s, w->folder, note_file(s, c->origin, which), NOTE_BYTES_MAX, note);

    *yes = e == ERR_OK && checkpoint_open(s, (const char *)note->p, note->len, log, &kept) == ERR_OK &&
           kept.size == c->size && hash_equal(&kept.root, &c->root);
    if (e == ERR_OK || e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return ERR_OK;
    }
    return e;
}

static err durable(struct scope *s, const struct witness_state *w, const char *name, struct bytes text)
{
    TRY(folder_write(s, w->folder, name, text.p, text.len));
    return fsync(w->folder) == 0 ? ERR_OK : fail(s, ERR_IO, "%s is not durable: %s", name, strerror(errno));
}

err witness_state_note(struct scope *s, const struct witness_state *w, const struct note_key *log,
                       const struct checkpoint *last, struct bytes note)
{
    struct bytes first;
    bool keep;

    TRY(note_is_of(s, w, log, 0, last, &keep, &first));
    return durable(s, w, note_file(s, last->origin, keep), note);
}

err witness_state_evidence(struct scope *s, const struct witness_state *w, const struct note_key *log,
                           const struct checkpoint *last, struct bytes note, const char **name)
{
    struct buf both = BUF(s);
    struct bytes first, there;
    bool found = false;
    err e;

    *name = scope_printf(s, "%s.evidence", file_of(s, last->origin));
    e = folder_read(s, w->folder, *name, 2 * NOTE_BYTES_MAX, &there);
    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    for (int which = 0; which < 2 && !found; which++)
        TRY(note_is_of(s, w, log, which, last, &found, &first));
    if (!found)
        return fail(s, ERR_NOT_FOUND, "the note of what was cosigned is not there");
    buf_add(&both, first.p, first.len);
    buf_add(&both, note.p, note.len);
    return durable(s, w, *name, (struct bytes){ (const uint8_t *)both.p, both.len });
}
