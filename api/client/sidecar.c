/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/sidecar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/client/media_type.h"
#include "api/client/say.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"

static const struct json_rules any = { .any_number = true };

/* ---- flags */

/* A number, true, false or "a text in quotes" as JSON has them; anything else is text as it stands. */
static json_t *value_of(struct scope *s, const char *text)
{
    json_t *value = NULL;

    if (json_read_as(s, text, strlen(text), any, &value) == ERR_OK &&
        (json_is_number(value) || json_is_boolean(value) || json_is_string(value)))
        return value;
    scope_forgive(s);
    json_decref(value);
    return json_string(text);
}

static err attribute_read(struct scope *s, const char *text, json_t *out)
{
    size_t name = strcspn(text, "=");
    const char *key = scope_strndup(s, text, name);

    if (name == 0 || text[name] != '=')
        return fail(s, ERR_INVALID, "--attribute is NAME=VALUE, not %s", printable(s, text));
    if (json_object_get(out, key))
        return fail(s, ERR_INVALID, "--attribute %s is given twice", printable(s, key));
    return json_object_set_new(out, key, value_of(s, text + name + 1)) == 0 ? ERR_OK
         : fail(s, ERR_INVALID, "--attribute must be UTF-8");
}

static err contributor_read(struct scope *s, const char *text, json_t *out)
{
    const char *role = strchr(text, ':'), *weight = role ? strchr(role + 1, ':') : NULL;
    uint64_t n;

    if (!weight || !decimal_read(weight + 1, strlen(weight + 1), CONTRIBUTOR_WEIGHT_MAX, &n))
        return fail(s, ERR_INVALID, "--contributor is PARTY:ROLE:WEIGHT, not %s", printable(s, text));
    return json_array_append_new(out, json_pack("{s:s,s:s,s:I}", "party",
                                                scope_strndup(s, text, (size_t)(role - text)), "role",
                                                scope_strndup(s, role + 1, (size_t)(weight - role - 1)), "weight",
                                                (json_int_t)n)) == 0 ? ERR_OK
         : fail(s, ERR_INVALID, "--contributor must be UTF-8");
}

static err flags_read(struct scope *s, const struct sidecar_wish *w, struct sidecar *sc)
{
    if (w->attributes->n)
        sc->attributes = json_object();
    for (size_t i = 0; i < w->attributes->n; i++)
        TRY(attribute_read(s, w->attributes->v[i], sc->attributes));
    if (w->contributors->n)
        sc->contributors = json_array();
    for (size_t i = 0; i < w->contributors->n; i++)
        TRY(contributor_read(s, w->contributors->v[i], sc->contributors));
    return ERR_OK;
}

/* ---- one line */

/* What is missing in a line comes from the flags, and the rest from the file itself. */
static void complete(struct scope *s, const struct sidecar *sc, const struct file *f, json_t *line)
{
    json_t *attributes = json_object_get(line, "attributes");

    if (sc->attributes && !attributes)
        json_object_set(line, "attributes", sc->attributes);
    else if (sc->attributes && json_is_object(attributes))
        json_object_update_missing(attributes, sc->attributes);
    if (sc->contributors && !json_object_get(line, "contributors"))
        json_object_set(line, "contributors", sc->contributors);
    if (!json_object_get(line, "media_type"))
        json_object_set_new(line, "media_type", json_string(media_type_of(f->path)));
    json_object_set_new(line, "sha256", json_string(hash_hex(s, &f->sha256)));
    json_object_set_new(line, "size", json_integer(f->size));
}

/* A line that may be sent: the market's own check, before it is asked. */
static err line_read(struct scope *s, const struct sidecar *sc, const struct file *f, json_t *line,
                     struct item_line *out)
{
    complete(s, sc, f, line);
    TRY(item_line_read(s, line, out));
    out->path = scope_strdup(s, out->path);
    out->media_type = scope_strdup(s, out->media_type);
    return ERR_OK;
}

static int by_path(const void *key, const void *file)
{
    return strcmp(key, ((const struct file *)file)->path);
}

/* Whose line it is; the line's object, which the caller drops. */
static err line_of(struct scope *s, const struct files *files, const char *text, size_t len, struct file **f,
                   json_t **line)
{
    static const char *const own[] = { "sha256", "size" };
    const char *path;

    if (len > ITEM_LINE_MAX)
        return fail(s, ERR_TOO_LARGE, "has more than %d bytes", ITEM_LINE_MAX);
    TRY(json_read_as(s, text, len, any, line));
    path = json_string_value(json_object_get(*line, "path"));
    if (!path)
        return fail(s, ERR_INVALID, "is no object with a path");
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (json_object_get(*line, own[i]))
            return fail(s, ERR_INVALID, "names a %s, which is the file's own", own[i]);
    *f = files->n ? bsearch(path, files->v, files->n, sizeof *files->v, by_path) : NULL;
    if (!*f)
        return fail(s, ERR_INVALID, "there is no file %s in the folder", printable(s, path));
    return (*f)->line < 0 ? ERR_OK : fail(s, ERR_INVALID, "%s has a line already", printable(s, path));
}

static err line_check(struct scope *s, const struct sidecar *sc, const struct files *files, const char *text,
                      size_t len, struct file **f)
{
    struct item_line unused;
    json_t *line = NULL;
    err e = line_of(s, files, text, len, f, &line);

    if (e == ERR_OK)
        e = line_read(s, sc, *f, line, &unused);
    json_decref(line);
    return e;
}

/* ---- all lines */

static err lines_check(struct scope *s, const struct sidecar *sc, const struct files *files, FILE *in)
{
    struct scope one;
    char *text = NULL;
    size_t cap = 0, number = 0;
    int64_t at = 0;
    ssize_t len;
    err e = ERR_OK;

    scope_init(&one, 0);
    while (e == ERR_OK && (len = getline(&text, &cap, in)) >= 0) {
        struct file *f = NULL;
        number++;
        e = line_check(&one, sc, files, text, len > 0 && text[len - 1] == '\n' ? (size_t)len - 1 : (size_t)len, &f);
        if (e == ERR_OK)
            f->line = at;
        else
            e = fail(s, ERR_INVALID, "%s, line %zu: %s", sc->name, number, one.why.detail);
        at += len;
        scope_clear(&one);
    }
    if (e == ERR_OK && ferror(in))
        e = fail(s, ERR_IO, "%s: %s", sc->name, strerror(errno));
    free(text);
    scope_free(&one);
    return e;
}

static err check(struct scope *s, const struct sidecar *sc, const struct files *files)
{
    int again = dup(sc->fd);
    FILE *in = again >= 0 ? fdopen(again, "r") : NULL;
    err e;

    if (!in) {
        if (again >= 0)
            close(again);
        return fail(s, ERR_IO, "%s: %s", sc->name, strerror(errno));
    }
    e = lines_check(s, sc, files, in);
    fclose(in);
    return e;
}

/* What the flags say is looked at before anything is sent: with the first file as it would be without a line. */
static err flags_check(struct scope *s, const struct sidecar *sc, const struct files *files)
{
    struct item_line unused;
    const char *why;
    json_t *line;
    err e;

    if (!files->n || (!sc->attributes && !sc->contributors))
        return ERR_OK;
    line = json_pack("{s:s}", "path", files->v[0].path);
    e = line_read(s, sc, &files->v[0], line, &unused);
    json_decref(line);
    if (e == ERR_OK)
        return ERR_OK;
    why = scope_printf(s, "--attribute or --contributor: %s %s", s->why.pointer, s->why.detail);
    scope_forgive(s);
    return fail(s, e, "%s", why);
}

static void leave_out(struct files *files, const char *path)
{
    struct file *f = files->n ? bsearch(path, files->v, files->n, sizeof *files->v, by_path) : NULL;

    if (!f)
        return;
    memmove(f, f + 1, (size_t)(files->v + files->n - f - 1) * sizeof *f);
    files->n--;
}

static err open_it(struct scope *s, const struct sidecar_wish *w, int folder, struct files *files, struct sidecar *sc)
{
    sc->name = w->file ? printable(s, w->file) : SIDECAR;
    if (w->file) {
        sc->fd = open(w->file, O_RDONLY | O_CLOEXEC);
        return sc->fd >= 0 ? ERR_OK : fail(s, ERR_IO, "%s: %s", sc->name, strerror(errno));
    }
    if (w->none || !files->n || !bsearch(SIDECAR, files->v, files->n, sizeof *files->v, by_path))
        return ERR_OK;
    TRY(file_open(s, folder, SIDECAR, &sc->fd));
    if (!w->too)
        leave_out(files, SIDECAR);
    return ERR_OK;
}

err sidecar_open(struct scope *s, const struct sidecar_wish *wish, int folder, struct files *files,
                 struct sidecar *out)
{
    err e;

    *out = (struct sidecar){ .fd = -1 };
    e = flags_read(s, wish, out);
    if (e == ERR_OK)
        e = open_it(s, wish, folder, files, out);
    if (e == ERR_OK && out->fd >= 0)
        e = check(s, out, files);
    if (e == ERR_OK)
        e = flags_check(s, out, files);
    return e;
}

void sidecar_close(struct sidecar *sc)
{
    if (sc->fd >= 0)
        close(sc->fd);
    json_decref(sc->attributes);
    json_decref(sc->contributors);
    *sc = (struct sidecar){ .fd = -1 };
}

/* The file's line once more; what does not name it any more has changed since it was checked. */
static err line_again(struct scope *s, const struct sidecar *sc, const struct file *f, json_t **line)
{
    char *text = scope_alloc(s, ITEM_LINE_MAX + 1, 1);
    ssize_t n = pread(sc->fd, text, ITEM_LINE_MAX, f->line);
    const char *path, *end = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;
    err e = n > 0 ? json_read_as(s, text, end ? (size_t)(end - text) : (size_t)n, any, line) : ERR_INVALID;

    path = json_string_value(json_object_get(*line, "path"));
    if (e == ERR_OK && path && strcmp(path, f->path) == 0)
        return ERR_OK;
    scope_forgive(s);
    return fail(s, ERR_INVALID, "%s changed while it was published", sc->name);
}

err sidecar_line(struct scope *s, const struct sidecar *sc, const struct file *f, struct item_line *out)
{
    json_t *line = NULL;
    err e = ERR_OK;

    if (f->line >= 0)
        e = line_again(s, sc, f, &line);
    else
        line = json_pack("{s:s}", "path", f->path);
    if (e == ERR_OK)
        e = line_read(s, sc, f, line, out);
    json_decref(line);
    return e;
}
