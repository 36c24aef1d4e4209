/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/note/signing.h"

#include <inttypes.h>
#include <string.h>

#define HEAD "counterfoil-signer/v1 "
#define HASH_TEXT (BASE64_SIZE(HASH_SIZE) - 1)

static const char *const verbs[ASK_VERBS] = {
    [ASK_LAST] = "last", [ASK_KEYS] = "keys", [ASK_STATUS] = "status", [ASK_SIGN] = "sign",
    [ASK_DOCUMENT] = "document",
    [ASK_NEWEST] = "newest", [ASK_FREEZE] = "freeze", [ASK_ISSUER] = "issuer",
};
static const char *const words[SAID_WORDS] = {
    [SAID_LAST] = "last", [SAID_SIGNED] = "signed", [SAID_LATE] = "late", [SAID_OTHER_SIZE] = "other-size",
    [SAID_ALARM] = "alarm", [SAID_FROZEN] = "frozen", [SAID_KEYS] = "keys", [SAID_STATUS] = "status",
    [SAID_DOCUMENT] = "document", [SAID_REFUSED] = "refused",
    [SAID_STANDBY] = "standby", [SAID_MALFORMED] = "malformed",
};

struct text { const char *p, *end; };

/* Takes `word` off the front. */
static bool take(struct text *t, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(t->end - t->p) < n || memcmp(t->p, word, n) != 0)
        return false;
    t->p += n;
    return true;
}

/* Takes the rest of the line and its newline. */
static bool take_line(struct text *t, const char **line, size_t *len)
{
    const char *eol = t->p < t->end ? memchr(t->p, '\n', (size_t)(t->end - t->p)) : NULL;

    if (!eol)
        return false;
    *line = t->p;
    *len = (size_t)(eol - t->p);
    t->p = eol + 1;
    return true;
}

static bool take_size(struct text *t, const char *name, uint64_t *out)
{
    const char *line;
    size_t len;

    return take(t, name) && take_line(t, &line, &len) && decimal_read(line, len, TREE_SIZE_MAX, out);
}

static bool take_hash(struct text *t, struct hash *out)
{
    const char *line;
    size_t len, n;

    return take_line(t, &line, &len) && len == HASH_TEXT && base64_read(line, len, out->b, HASH_SIZE, &n) &&
           n == HASH_SIZE;
}

static bool take_proof(struct text *t, struct proof *out)
{
    for (out->n = 0; t->p < t->end; out->n++)
        if (out->n == PROOF_HASHES_MAX || !take_hash(t, &out->hash[out->n]))
            return false;
    return true;
}

bool proof_lines_parse(const char *text, size_t len, struct proof *out)
{
    return take_proof(&(struct text){ text, text + len }, out);
}

/* The first line: our name, and one of the table. */
static bool take_head(struct text *t, const char *const *table, size_t n, size_t *out)
{
    const char *line;
    size_t len;

    if (!take(t, HEAD) || !take_line(t, &line, &len))
        return false;
    for (*out = 0; *out < n; ++*out)
        if (strlen(table[*out]) == len && memcmp(table[*out], line, len) == 0)
            return true;
    return false;
}

/* A line of 1 to max bytes. */
static bool take_text(struct text *t, size_t max, struct bytes *out)
{
    const char *line;
    size_t len;

    if (!take_line(t, &line, &len) || len == 0 || len > max)
        return false;
    *out = (struct bytes){ (const uint8_t *)line, len };
    return true;
}

/* What is left: text of whole lines. */
static bool take_rest(struct text *t, struct bytes *out)
{
    *out = (struct bytes){ (const uint8_t *)t->p, (size_t)(t->end - t->p) };
    return out->len > 0 && out->p[out->len - 1] == '\n';
}

static bool take_document(struct text *t, bool document, struct document_request *out)
{
    out->document = (struct bytes){ 0 };
    return (!document || take_text(t, SIGNER_DOCUMENT_MAX, &out->document)) &&
           take_text(t, ENTRY_BYTES_MAX, &out->entry) && take_rest(t, &out->proof);
}

static bool clean(const struct text *t)
{
    return !memchr(t->p, '\0', (size_t)(t->end - t->p)) && utf8_valid(t->p, (size_t)(t->end - t->p));
}

bool question_parse(const char *body, size_t len, struct question *out)
{
    struct text t = { body, body + len };
    size_t verb;

    if (!take_head(&t, verbs, ASK_VERBS, &verb))
        return false;
    out->verb = (enum question_verb)verb;
    if (out->verb == ASK_DOCUMENT || out->verb == ASK_FREEZE || out->verb == ASK_ISSUER)
        return clean(&t) && take_document(&t, out->verb == ASK_DOCUMENT, &out->document);
    if (out->verb == ASK_NEWEST)
        return clean(&t) && take_rest(&t, &out->newest);
    if (out->verb != ASK_SIGN)
        return t.p == t.end;
    return take_size(&t, "old ", &out->sign.old_size) && take_size(&t, "size ", &out->sign.new_size) &&
           take(&t, "root ") && take_hash(&t, &out->sign.new_root) && take_proof(&t, &out->sign.proof);
}

static void add_hash(struct buf *b, const struct hash *h)
{
    char coded[BASE64_SIZE(HASH_SIZE)];

    base64_write(h->b, HASH_SIZE, coded);
    buf_printf(b, "%s\n", coded);
}

char *question_text(struct scope *s, const struct question *q)
{
    struct buf b = BUF(s);

    buf_printf(&b, HEAD "%s\n", verbs[q->verb]);
    if (q->verb == ASK_SIGN) {
        buf_printf(&b, "old %" PRIu64 "\nsize %" PRIu64 "\nroot ", q->sign.old_size, q->sign.new_size);
        add_hash(&b, &q->sign.new_root);
        for (size_t i = 0; i < q->sign.proof.n; i++)
            add_hash(&b, &q->sign.proof.hash[i]);
    } else if (q->verb == ASK_NEWEST) {
        buf_add(&b, q->newest.p, q->newest.len);
    } else if (q->verb == ASK_DOCUMENT || q->verb == ASK_FREEZE || q->verb == ASK_ISSUER) {
        if (q->verb == ASK_DOCUMENT) {
            buf_add(&b, q->document.document.p, q->document.document.len);
            buf_char(&b, '\n');
        }
        buf_add(&b, q->document.entry.p, q->document.entry.len);
        buf_char(&b, '\n');
        buf_add(&b, q->document.proof.p, q->document.proof.len);
    }
    return b.p;
}

bool answer_parse(struct scope *s, const char *body, size_t len, struct answer *out)
{
    struct text t = { body, body + len };
    size_t word;

    if (!take_head(&t, words, SAID_WORDS, &word) || memchr(body, '\0', len) || !utf8_valid(body, len))
        return false;
    out->word = (enum answer_word)word;
    out->rest = scope_strndup(s, t.p, (size_t)(t.end - t.p));
    return true;
}

char *answer_text(struct scope *s, enum answer_word word, const char *rest)
{
    return scope_printf(s, HEAD "%s\n%s", words[word], rest);
}
