/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/audit_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/client/folder.h"
#include "ledger/keys/sha256.h"
#include "ledger/note/note.h"
#include "schema/base/clock.h"

/* Makes every folder of an absolute path. */
static err make_folders(struct scope *s, const char *path)
{
    char *copy = scope_strdup(s, path);

    for (char *slash = strchr(copy + 1, '/'); ; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST)
            return fail(s, ERR_CONFIG, "%s: %s", copy, strerror(errno));
        if (!slash)
            return ERR_OK;
        *slash = '/';
    }
}

static err default_folder(struct scope *s, const char **out)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (state && *state == '/')
        *out = scope_printf(s, "%s/counterfoil", state);
    else if (home && *home == '/')
        *out = scope_printf(s, "%s/.local/state/counterfoil", home);
    else
        return fail(s, ERR_CONFIG, "neither XDG_STATE_HOME nor HOME says where to remember: use --state FILE");
    return make_folders(s, *out);
}

static err open_folder(struct scope *s, const char *file, const char *origin, struct audit_state *out)
{
    struct hash h = sha256_of(origin, strlen(origin));
    const char *folder = NULL, *slash;

    if (!file) {
        TRY(default_folder(s, &folder));
        out->name = hash_hex(s, &h);
        out->path = scope_printf(s, "%s/%s", folder, out->name);
    } else {
        slash = strrchr(file, '/');
        folder = slash == file ? "/" : slash ? scope_strndup(s, file, (size_t)(slash - file)) : ".";
        out->name = slash ? slash + 1 : file;
        out->path = file;
    }
    return folder_open(s, folder, false, &out->folder);
}

err audit_state_open(struct scope *s, const char *file, const char *origin, struct audit_state *out)
{
    err e;

    *out = (struct audit_state){ .folder = -1, .lock = -1 };
    TRY(open_folder(s, file, origin, out));
    out->lock = openat(out->folder, scope_printf(s, "%s.lock", out->name), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                       0600);
    if (out->lock < 0)
        return fail(s, ERR_CONFIG, "%s.lock: %s", out->path, strerror(errno));
    if (flock(out->lock, LOCK_EX | LOCK_NB) != 0)
        return fail(s, ERR_CONFLICT, "another audit of this log is running (%s)", out->path);
    e = folder_read(s, out->folder, out->name, AUDIT_STATE_BYTES_MAX, &out->text);
    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return ERR_OK;
    }
    return e;
}

err audit_state_save(struct scope *s, struct audit_state *st, const char *text, size_t len)
{
    return folder_write(s, st->folder, st->name, text, len);
}

err audit_state_evidence(struct scope *s, struct audit_state *st, const char *notes)
{
    const char *name = scope_printf(s, "%s.evidence.%lld", st->name, (long long)clock_wall_ms());

    TRY(folder_write(s, st->folder, name, notes, strlen(notes)));
    st->evidence = scope_printf(s, "%.*s%s", (int)(strlen(st->path) - strlen(st->name)), st->path, name);
    return ERR_OK;
}

void audit_state_close(struct audit_state *st)
{
    if (st->folder < 0)
        return;
    if (st->lock >= 0)
        close(st->lock);
    close(st->folder);
}

/* ---- which log is at a URL */

/* One place has one name: scheme and host in small letters, no default port, no slashes at the end. */
static const char *place_of(struct scope *s, const char *url)
{
    char *out = scope_strdup(s, url), *host = strstr(out, "://"), *rest;
    size_t len;

    host = host ? host + 3 : out;
    rest = host + strcspn(host, "/");
    for (char *c = out; c < rest; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    len = (size_t)(rest - out);
    if ((strncmp(out, "http://", 7) == 0 && len > 10 && strncmp(rest - 3, ":80", 3) == 0) ||
        (strncmp(out, "https://", 8) == 0 && len > 12 && strncmp(rest - 4, ":443", 4) == 0)) {
        char *colon = memrchr(out, ':', len);

        memmove(colon, rest, strlen(rest) + 1);
    }
    for (len = strlen(out); len > 0 && out[len - 1] == '/'; len--)
        out[len - 1] = '\0';
    return out;
}

static err pin_open(struct scope *s, const char *url, int *folder, const char **name)
{
    const char *place = place_of(s, url);
    struct hash h = sha256_of(place, strlen(place));
    const char *path;

    TRY(default_folder(s, &path));
    *name = scope_printf(s, "%s.key", hash_hex(s, &h));
    return folder_open(s, path, false, folder);
}

err audit_pin_read(struct scope *s, const char *url, const char **vkey)
{
    struct bytes text;
    const char *name;
    int folder;
    err e;

    *vkey = NULL;
    TRY(pin_open(s, url, &folder, &name));
    e = folder_read(s, folder, name, NOTE_BYTES_MAX, &text);
    close(folder);
    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return ERR_OK;
    }
    TRY(e);
    *vkey = scope_strndup(s, (const char *)text.p, strcspn((const char *)text.p, "\n"));
    return ERR_OK;
}

err audit_pin_write(struct scope *s, const char *url, const char *vkey)
{
    const char *name, *text = scope_printf(s, "%s\n%s\n", vkey, url);
    int folder;
    err e;

    TRY(pin_open(s, url, &folder, &name));
    e = folder_write(s, folder, name, text, strlen(text));
    close(folder);
    return e;
}
