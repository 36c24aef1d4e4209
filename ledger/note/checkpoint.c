/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "ledger/note/note.h"

#define PROOF_HEAD "c2sp.org/tlog-proof@v1\n"
#define ROOT_TEXT (BASE64_SIZE(HASH_SIZE) - 1)

/* Takes the line at *p, without its newline; false at the end. */
static bool line_take(const char **p, const char *end, const char **line, size_t *len)
{
    const char *eol = *p < end ? memchr(*p, '\n', (size_t)(end - *p)) : NULL;

    if (!eol)
        return false;
    *line = *p;
    *len = (size_t)(eol - *p);
    *p = eol + 1;
    return true;
}

static bool hash_read(const char *line, size_t line_len, struct hash *out)
{
    size_t len;

    return line_len == ROOT_TEXT && base64_read(line, line_len, out->b, HASH_SIZE, &len) && len == HASH_SIZE;
}

char *checkpoint_text(struct scope *s, const struct checkpoint *c)
{
    char root[BASE64_SIZE(HASH_SIZE)];

    base64_write(c->root.b, HASH_SIZE, root);
    return scope_printf(s, "%s\n%" PRIu64 "\n%s\n", c->origin, c->size, root);
}

bool checkpoint_read(const char *text, size_t len, struct checkpoint *out)
{
    const char *p = text, *end = text + len, *line;
    struct checkpoint c = { .size = 0 };

    if (!line_take(&p, end, &line, &len) || len > NOTE_NAME_MAX || memchr(line, '\0', len))
        return false;
    memcpy(c.origin, line, len);
    if (!note_name_valid(c.origin))
        return false;
    if (!line_take(&p, end, &line, &len) || !decimal_read(line, len, TREE_SIZE_MAX, &c.size))
        return false;
    if (!line_take(&p, end, &line, &len) || !hash_read(line, len, &c.root) || p != end)
        return false;
    *out = c;
    return true;
}

bool checkpoint_parse(const char *text, size_t len, struct checkpoint *out)
{
    struct hash empty = empty_root();
    struct checkpoint c;

    if (!checkpoint_read(text, len, &c) || (c.size == 0 && !hash_equal(&c.root, &empty)))
        return false;
    *out = c;
    return true;
}

err checkpoint_open(struct scope *s, const char *note, size_t len, const struct note_key *k, struct checkpoint *out)
{
    struct checkpoint c;
    struct bytes text;

    TRY(note_open(s, note, len, k, &text));
    if (!checkpoint_parse((const char *)text.p, text.len, &c))
        return fail(s, ERR_INVALID, "checkpoint: not the three lines of origin, size and root");
    if (strcmp(c.origin, k->name) != 0)
        return fail(s, ERR_INVALID, "checkpoint: of %s, but signed by %s", c.origin, k->name);
    *out = c;
    return ERR_OK;
}

char *tlog_proof_text(struct scope *s, uint64_t index, const struct proof *p, const char *checkpoint_note)
{
    struct buf b = BUF(s);
    char line[BASE64_SIZE(HASH_SIZE)];

    buf_printf(&b, PROOF_HEAD "index %" PRIu64 "\n", index);
    for (size_t i = 0; i < p->n; i++) {
        base64_write(p->hash[i].b, HASH_SIZE, line);
        buf_printf(&b, "%s\n", line);
    }
    buf_printf(&b, "\n%s", checkpoint_note);
    return b.p;
}

/* Canonical base64 of any length, which nobody reads here. */
static bool base64_any(const char *text, size_t len)
{
    uint8_t out[48];
    size_t n;

    for (; len > 64; text += 64, len -= 64)
        if (!base64_read(text, 64, out, sizeof out, &n) || n != sizeof out)
            return false;
    return len > 0 && base64_read(text, len, out, sizeof out, &n);
}

bool tlog_proof_parse(const char *text, size_t len, struct tlog_proof *out)
{
    static const char extra[] = "extra ", index[] = "index ";
    const char *p = text, *end = text + len, *line;

    if (len < sizeof PROOF_HEAD - 1 || memcmp(text, PROOF_HEAD, sizeof PROOF_HEAD - 1) != 0)
        return false;
    p += sizeof PROOF_HEAD - 1;
    if (!line_take(&p, end, &line, &len))
        return false;
    if (len >= sizeof extra - 1 && memcmp(line, extra, sizeof extra - 1) == 0) {
        if (!base64_any(line + sizeof extra - 1, len - (sizeof extra - 1)) || !line_take(&p, end, &line, &len))
            return false;
    }
    if (len < sizeof index - 1 || memcmp(line, index, sizeof index - 1) != 0 ||
        !decimal_read(line + sizeof index - 1, len - (sizeof index - 1), TREE_SIZE_MAX - 1, &out->index))
        return false;
    for (out->proof.n = 0; line_take(&p, end, &line, &len) && len > 0; out->proof.n++)
        if (out->proof.n == PROOF_HASHES_MAX || !hash_read(line, len, &out->proof.hash[out->proof.n]))
            return false;
    if (p == end || len != 0)      /* the blank line, and something behind it */
        return false;
    out->note = (struct bytes){ .p = (const uint8_t *)p, .len = (size_t)(end - p) };
    return out->note.len <= NOTE_BYTES_MAX;
}
