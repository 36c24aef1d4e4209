/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/audit_draw.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/client/folder.h"
#include "ledger/keys/sha256.h"
#include "schema/base/random.h"

#define HEAD "counterfoil-nonce 1\n"

/* ---- the file: HEAD, "nonce <hex>", "committed <base64>", perhaps "drawn <base64>" */

static err folder_and_name(struct scope *s, const char *path, int *folder, const char **name)
{
    const char *slash = strrchr(path, '/');

    *name = slash ? slash + 1 : path;
    return folder_open(s, slash == path ? "/" : slash ? scope_strndup(s, path, (size_t)(slash - path)) : ".", false,
                       folder);
}

static void put_note(struct buf *b, const char *word, struct bytes note)
{
    char *text = scope_alloc(b->s, BASE64_SIZE(note.len), 1);

    base64_write(note.p, note.len, text);
    buf_printf(b, "%s %s\n", word, text);
}

static err nonce_write(struct scope *s, const char *path, const struct nonce *n)
{
    struct buf text = BUF(s);
    char hex[HEX_SIZE(HASH_SIZE)];
    const char *name;
    int folder;
    err e;

    hex_write(n->secret, HASH_SIZE, hex);
    buf_printf(&text, HEAD "nonce %s\n", hex);
    put_note(&text, "committed", n->committed);
    if (n->drawn.len)
        put_note(&text, "drawn", n->drawn);
    TRY(folder_and_name(s, path, &folder, &name));
    e = folder_write(s, folder, name, text.p, text.len);
    close(folder);
    return e;
}

err nonce_make(struct scope *s, const char *path, struct bytes note, struct nonce *out)
{
    struct stat there;

    if (lstat(path, &there) == 0 || errno != ENOENT)
        return fail(s, ERR_CONFLICT, "%s is there already: a nonce is committed once", path);
    *out = (struct nonce){ .committed = note };
    random_bytes(out->secret, HASH_SIZE);
    out->commitment = sha256_of(out->secret, HASH_SIZE);
    return nonce_write(s, path, out);
}

/* What follows "<word> " up to the end of the line at *p; *p moves on. */
static bool line_of(const char **p, const char *end, const char *word, const char **text, size_t *len)
{
    size_t n = strlen(word);
    const char *eol = memchr(*p, '\n', (size_t)(end - *p));

    if (!eol || (size_t)(eol - *p) <= n || memcmp(*p, word, n) != 0 || (*p)[n] != ' ')
        return false;
    *text = *p + n + 1;
    *len = (size_t)(eol - *text);
    *p = eol + 1;
    return true;
}

static bool note_of(struct scope *s, const char **p, const char *end, const char *word, struct bytes *out)
{
    const char *text;
    size_t len;
    uint8_t *b;

    if (!line_of(p, end, word, &text, &len) || len > BASE64_SIZE(NOTE_BYTES_MAX))
        return false;
    b = scope_alloc(s, len + 1, 1);
    out->p = b;
    return base64_read(text, len, b, len, &out->len);
}

err nonce_read(struct scope *s, const char *path, struct nonce *out)
{
    const char *p, *end, *text;
    struct bytes file;
    size_t len;

    *out = (struct nonce){ 0 };
    TRY(file_read(s, path, 3 * BASE64_SIZE(NOTE_BYTES_MAX), &file));
    p = (const char *)file.p;
    end = p + file.len;
    if (file.len < sizeof HEAD || memcmp(p, HEAD, sizeof HEAD - 1) != 0)
        return fail(s, ERR_INVALID, "%s is no file of a nonce: --nonce-commit makes one", path);
    p += sizeof HEAD - 1;
    if (!line_of(&p, end, "nonce", &text, &len) || !hex_read(text, len, out->secret, HASH_SIZE) ||
        !note_of(s, &p, end, "committed", &out->committed) ||
        (p < end && !note_of(s, &p, end, "drawn", &out->drawn)) || p != end)
        return fail(s, ERR_INVALID, "%s is a nonce's file no more: it is damaged", path);
    out->commitment = sha256_of(out->secret, HASH_SIZE);
    return ERR_OK;
}

err nonce_drawn(struct scope *s, const char *path, struct nonce *n, struct bytes note)
{
    n->drawn = note;
    return nonce_write(s, path, n);
}

/* ---- the source */

static err checkpoint(struct scope *s, void *arg, struct bytes *note)
{
    struct draw_source *d = arg;

    if (d->note.len == 0) {
        TRY(d->source.checkpoint(s, d->source.arg, note));
        d->note = (struct bytes){ scope_memdup(d->kept, note->p, note->len), note->len };
    }
    *note = d->note;
    return ERR_OK;
}

static err tile(struct scope *s, void *arg, const char *path, struct bytes *out)
{
    struct draw_source *d = arg;

    return d->source.tile(s, d->source.arg, path, out);
}

static bool rests_on(const struct draw *draw, const char *name, const char *clearance)
{
    size_t len = strlen(clearance);

    return len && strncmp(name, clearance, len) == 0 && (name[len] == '/' || !name[len]) && draw->got;
}

/* "<id>" or "<id>/rows" of a clearance's document or rows; NULL: of neither. */
static const char *name_of_clearance(const char *name)
{
    name += strncmp(name, "documents/", 10) == 0 ? 10 : 0;
    return strncmp(name, "clearances/", 11) == 0 ? name + 11 : NULL;
}

static bool wanted(const struct draw *draw, const char *name)
{
    const char *clearance = name_of_clearance(name);
    uint64_t index;

    if (strncmp(name, "disclosures/", 12) == 0)
        return decimal_read(name + 12, strlen(name + 12), INT64_MAX, &index) && draw_find(draw, index);
    if (!clearance)
        return strncmp(name, "certificates/", 13) == 0 || strncmp(name, "licenses/", 9) == 0 ||
               strncmp(name, "consents/", 9) == 0;
    for (size_t i = 0; i < draw->got; i++)
        if (rests_on(draw, clearance, draw->rows[i].clearance.text))
            return true;
    return false;
}

/* Named as its rows or its document are, or those of which the consent is missing. */
static void missing(struct draw_source *d, const char *name)
{
    if (d->n_rows == d->cap_rows) {
        const char **more = NEWS(d->kept, const char *, 2 * d->cap_rows + 16);
        if (d->n_rows)
            memcpy(more, d->rows, d->n_rows * sizeof *more);
        d->rows = more;
        d->cap_rows = 2 * d->cap_rows + 16;
    }
    d->rows[d->n_rows++] = name;
}

static err document(struct scope *s, void *arg, const char *name, struct bytes *out)
{
    struct draw_source *d = arg;
    const char *clearance = name_of_clearance(name);
    err e;

    if (!d->draw || !wanted(d->draw, name))
        return fail(s, ERR_NOT_FOUND, "%s is not behind anything drawn", name);
    e = d->source.document ? d->source.document(s, d->source.arg, name, out)
                           : fail(s, ERR_NOT_FOUND, "a reader without access has no %s", name);
    d->opened += e == ERR_OK && strncmp(name, "disclosures/", 12) == 0;
    if (clearance)
        d->judged = scope_strdup(d->kept, clearance);
    if (e == ERR_NOT_FOUND && (clearance || strncmp(name, "consents/", 9) == 0))
        missing(d, d->judged);
    return e;
}

struct audit_source draw_source_of(struct draw_source *d)
{
    return (struct audit_source){ .checkpoint = checkpoint, .tile = tile, .document = d->draw ? document : NULL,
                                  .arg = d };
}

/* ---- what follows */

static bool has_rows(const struct draw_source *d, const struct drawn *x)
{
    for (size_t i = 0; i < d->n_rows; i++)
        if (rests_on(d->draw, d->rows[i], x->clearance.text))
            return false;
    return *x->clearance.text;
}

void draw_judge(const struct draw_source *d, const struct audit_report *report, struct draw_result *out)
{
    uint64_t bad = 0, in_draw = 0, last = UINT64_MAX, unseen = 0;

    for (const struct audit_finding *f = report->first; f; f = f->next) {
        if (!f->has_index || !draw_find(out->draw, f->index))
            continue;
        bad += f->index != last;                 /* findings of one entry follow one another */
        last = f->index;
        in_draw++;
    }
    for (size_t i = 0; i < out->draw->got; i++)
        unseen += !has_rows(d, &out->draw->rows[i]);
    if (out->draw->got - d->opened > unseen)
        unseen = out->draw->got - d->opened;
    if (bad + unseen > out->draw->got)
        unseen = out->draw->got - bad;
    out->bad = bad;
    out->unseen = unseen;
    out->elsewhere = report->findings > in_draw;
    out->bound = draw_bound(out->draw->population, out->draw->got, bad + unseen, UNLIKELY);
}
