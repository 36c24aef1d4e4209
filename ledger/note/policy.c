/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/note/policy.h"

#include <assert.h>
#include <string.h>

struct reader { struct scope *s; struct policy *p; size_t line; bool quorum_seen; };
struct words { const char *p, *end; };            /* what is left of one line */

#define bad(r, ...) bad_line(r, scope_printf((r)->s, __VA_ARGS__))
static err bad_line(const struct reader *r, const char *what)
{
    return fail(r->s, ERR_INVALID, "policy, line %zu: %s", r->line, what);
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The next item of the line; NULL: there is none. */
static const char *word(struct reader *r, struct words *w)
{
    const char *begin;

    while (w->p < w->end && blank(*w->p))
        w->p++;
    begin = w->p;
    while (w->p < w->end && !blank(*w->p))
        w->p++;
    return w->p > begin ? scope_strndup(r->s, begin, (size_t)(w->p - begin)) : NULL;
}

static int find(const struct policy *p, const char *name)
{
    for (size_t i = 0; i < p->n_nodes; i++)
        if (strcmp(p->nodes[i].name, name) == 0)
            return (int)i;
    return POLICY_NO_GROUP;
}

/* A name that is not taken yet. */
static err new_name(struct reader *r, const char *name)
{
    if (strlen(name) > POLICY_NAME_MAX)
        return bad(r, "a name of more than %d bytes", POLICY_NAME_MAX);
    if (strcmp(name, "none") == 0)
        return bad(r, "\"none\" can't be defined");
    if (find(r->p, name) != POLICY_NO_GROUP)
        return bad(r, "\"%s\" is defined twice", name);
    return ERR_OK;
}

static err end_url(struct reader *r, struct words *w, const char **url)
{
    const char *text = word(r, w);

    if (text && strlen(text) > POLICY_URL_MAX)
        return bad(r, "a URL of more than %d bytes", POLICY_URL_MAX);
    if (word(r, w))
        return bad(r, "more than a key and a URL");
    *url = text ? text : "";
    return ERR_OK;
}

static bool same_key(const struct note_key *a, const struct note_key *b)
{
    return memcmp(a->key.b, b->key.b, sizeof a->key.b) == 0;
}

static err read_log(struct reader *r, struct words *w)
{
    struct policy *p = r->p;
    const char *vkey = word(r, w);
    struct policy_log *log = &p->logs[p->n_logs];

    if (p->n_logs == POLICY_LOGS_MAX)
        return bad(r, "more than %d logs", POLICY_LOGS_MAX);
    if (!vkey || !note_key_parse(vkey, &log->key))
        return bad(r, "no verifier key of a log (Ed25519)");
    TRY(end_url(r, w, &log->url));
    for (size_t i = 0; i < p->n_logs; i++)
        if (same_key(&p->logs[i].key, &log->key))
            return bad(r, "a log's key stands here twice");
    p->n_logs++;
    return ERR_OK;
}

static err read_witness(struct reader *r, struct words *w)
{
    struct policy *p = r->p;
    const char *name = word(r, w), *vkey = word(r, w);
    struct policy_witness *witness = &p->witnesses[p->n_witnesses];

    if (p->n_witnesses == POLICY_WITNESSES_MAX)
        return bad(r, "more than %d witnesses", POLICY_WITNESSES_MAX);
    if (!name)
        return bad(r, "a witness has a name and a key");
    TRY(new_name(r, name));
    if (!vkey || !cosigner_parse(vkey, &witness->cosigner))
        return bad(r, "no verifier key of a witness (Ed25519 cosignatures, type 04)");
    witness->name = name;
    TRY(end_url(r, w, &witness->url));
    for (size_t i = 0; i < p->n_witnesses; i++)
        if (same_key(&p->witnesses[i].cosigner.key, &witness->cosigner.key))
            return bad(r, "a witness's key stands here twice");
    p->nodes[p->n_nodes++] = (struct policy_node){ .name = name, .witness = p->n_witnesses++,
                                                   .group = POLICY_NO_GROUP };
    return ERR_OK;
}

static err add_member(struct reader *r, const char *name, size_t group)
{
    int i = find(r->p, name);

    if (i == POLICY_NO_GROUP)
        return bad(r, "\"%s\" is not defined before", name);
    if (r->p->nodes[i].group != POLICY_NO_GROUP)
        return bad(r, "\"%s\" is a member already", name);
    r->p->nodes[i].group = (int)group;
    r->p->nodes[group].members++;
    return ERR_OK;
}

static err read_group(struct reader *r, struct words *w)
{
    struct policy *p = r->p;
    const char *name = word(r, w), *needs = word(r, w), *member;
    struct policy_node *g = &p->nodes[p->n_nodes];
    uint64_t k = 0;

    if (p->n_nodes - p->n_witnesses == POLICY_GROUPS_MAX)
        return bad(r, "more than %d groups", POLICY_GROUPS_MAX);
    if (!name || !needs)
        return bad(r, "a group has a name, how many of them, and members");
    TRY(new_name(r, name));
    *g = (struct policy_node){ .name = name, .is_group = true, .group = POLICY_NO_GROUP };
    while ((member = word(r, w)))
        TRY(add_member(r, member, p->n_nodes));
    if (g->members == 0)
        return bad(r, "a group without members");
    if (strcmp(needs, "all") == 0)
        k = g->members;
    else if (strcmp(needs, "any") == 0)
        k = 1;
    else if (!decimal_read(needs, strlen(needs), g->members, &k) || k == 0)
        return bad(r, "a group needs any, all, or a number from 1 to its members");
    g->needs = (size_t)k;
    p->n_nodes++;
    return ERR_OK;
}

static err read_quorum(struct reader *r, struct words *w)
{
    const char *name = word(r, w);

    if (r->quorum_seen)
        return bad(r, "a second quorum");
    if (!name || word(r, w))
        return bad(r, "a quorum is one name, or none");
    r->quorum_seen = true;
    r->p->quorum = find(r->p, name);
    if (r->p->quorum == POLICY_NO_GROUP && strcmp(name, "none") != 0)
        return bad(r, "\"%s\" is not defined before", name);
    return ERR_OK;
}

static err read_line(struct reader *r, const char *line, size_t len)
{
    static const struct { const char *name; err (*read)(struct reader *r, struct words *w); } kinds[] = {
        { "log", read_log }, { "witness", read_witness }, { "group", read_group }, { "quorum", read_quorum },
    };
    struct words w = { line, line + len };
    const char *first;

    for (size_t i = 0; i < len; i++)
        if (((uint8_t)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
            return bad(r, "a control character");
    first = word(r, &w);
    if (!first || *first == '#')
        return ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(first, kinds[i].name) == 0)
            return kinds[i].read(r, &w);
    return bad(r, "neither log, witness, group nor quorum");
}

err policy_parse(struct scope *s, const char *text, size_t len, struct policy *out)
{
    struct reader r = { .s = s, .p = out };
    const char *end = text + len, *eol;

    *out = (struct policy){ .quorum = POLICY_NO_GROUP };
    if (len > POLICY_BYTES_MAX)
        return fail(s, ERR_INVALID, "policy: longer than %d bytes", POLICY_BYTES_MAX);
    for (const char *p = text; p < end; p = eol + 1) {
        r.line++;
        eol = memchr(p, '\n', (size_t)(end - p));
        if (!eol)
            return bad(&r, "the line has no end");
        TRY(read_line(&r, p, (size_t)(eol - p)));
    }
    return r.quorum_seen ? ERR_OK : fail(s, ERR_INVALID, "policy: no quorum");
}

/* How many members of each group have witnessed; members stand before their groups, so one pass does it. */
static void count(const struct policy *p, const bool *cosigned, size_t *has)
{
    for (size_t i = 0; i < p->n_nodes; i++)
        has[i] = 0;
    for (size_t i = 0; i < p->n_nodes; i++) {
        const struct policy_node *n = &p->nodes[i];
        bool witnessed = n->is_group ? has[i] >= n->needs : cosigned[n->witness];

        if (!n->is_group)
            has[i] = witnessed;
        if (witnessed && n->group != POLICY_NO_GROUP)
            has[n->group]++;
    }
}

static bool met(const struct policy *p, const size_t *has)
{
    const struct policy_node *q = p->quorum == POLICY_NO_GROUP ? NULL : &p->nodes[p->quorum];

    return !q || has[p->quorum] >= (q->is_group ? q->needs : 1);
}

bool policy_met(const struct policy *p, const bool *cosigned)
{
    size_t has[POLICY_WITNESSES_MAX + POLICY_GROUPS_MAX];

    count(p, cosigned, has);
    return met(p, has);
}

static void add_names(struct buf *b, const struct policy *p, const bool *cosigned, bool those)
{
    bool any = false;

    for (size_t i = 0; i < p->n_witnesses; i++)
        if (cosigned[i] == those) {
            buf_printf(b, "%s%s", any ? ", " : "", p->witnesses[i].name);
            any = true;
        }
    if (!any)
        buf_str(b, "none");
}

static const char *what_is_missing(struct scope *s, const struct policy *p, const bool *cosigned, const size_t *has)
{
    const struct policy_node *q = &p->nodes[p->quorum];
    struct buf b = BUF(s);

    buf_printf(&b, "the quorum %s needs %zu of %zu and has %zu; cosigned by: ", q->name, q->is_group ? q->needs : 1,
               q->is_group ? q->members : 1, has[p->quorum]);
    add_names(&b, p, cosigned, true);
    buf_str(&b, "; not by: ");
    add_names(&b, p, cosigned, false);
    return b.p;
}

/* The key of the log that this line says to be of, if it counts here. */
static const struct note_key *log_of(const struct policy *p, const struct note_key *only,
                                     const struct note_signature *line)
{
    if (only && !note_signature_by(line, only))
        return NULL;
    if (p->n_logs == 0)
        return only;
    for (size_t i = 0; i < p->n_logs; i++)
        if (note_signature_by(line, &p->logs[i].key) && (!only || same_key(only, &p->logs[i].key)))
            return &p->logs[i].key;
    return NULL;
}

static err judge_line(struct scope *s, const struct policy *p, const struct note_key *only,
                      const struct note_signature *line, const struct bytes *text, const struct note_key **log,
                      struct policy_verdict *out)
{
    const struct note_key *of = log_of(p, only, line);
    struct signature sig;
    int64_t at;

    if (of) {
        if (line->len != sizeof sig.b)
            return fail(s, ERR_INVALID, "the signature of %s has the wrong length", of->name);
        memcpy(sig.b, line->bytes, sizeof sig.b);
        if (!key_verify(&of->key, text->p, text->len, &sig))
            return fail(s, ERR_INVALID, "the signature of %s does not verify", of->name);
        *log = of;
    }
    for (size_t i = 0; i < p->n_witnesses; i++) {
        const struct policy_witness *w = &p->witnesses[i];

        if (!note_signature_by(line, &w->cosigner.key))
            continue;
        if (!cosignature_verify(line, text, &w->cosigner, &at))
            return fail(s, ERR_INVALID, "the cosignature of %s does not verify", w->name);
        if (!out->cosigned[i] || at > out->at[i])
            out->at[i] = at;
        out->cosigned[i] = true;
    }
    return ERR_OK;
}

err policy_judge(struct scope *s, const struct policy *p, const struct note_key *only, const char *note, size_t len,
                 struct policy_verdict *out)
{
    size_t has[POLICY_WITNESSES_MAX + POLICY_GROUPS_MAX];
    const struct note_key *log = NULL;
    struct note_signature line;
    struct bytes text, lines;
    int seen = 0;
    err e;

    *out = (struct policy_verdict){ 0 };
    if (!only && p->n_logs == 0)
        return fail(s, ERR_INVALID, "policy: it lists no log, and none was named");
    TRY(note_split(s, note, len, &text, &lines));
    if (!checkpoint_parse((const char *)text.p, text.len, &out->checkpoint))
        return fail(s, ERR_INVALID, "checkpoint: not the three lines of origin, size and root");
    while ((e = note_signature_next(s, &lines, &seen, &line)) == ERR_OK)
        TRY(judge_line(s, p, only, &line, &text, &log, out));
    if (e != ERR_NOT_FOUND)
        return e;
    if (!log)
        return fail(s, ERR_INVALID, "checkpoint: not signed by %s", only ? "this log, as the policy knows it"
                                                                         : "a log of the policy");
    if (strcmp(log->name, out->checkpoint.origin) != 0)
        return fail(s, ERR_INVALID, "checkpoint: of %s, but signed by %s", out->checkpoint.origin, log->name);
    count(p, out->cosigned, has);
    out->met = met(p, has);
    if (!out->met)
        out->missing = what_is_missing(s, p, out->cosigned, has);
    return ERR_OK;
}
