/* SPDX-License-Identifier: Apache-2.0 */
/* Which items name the caller and rest on no consent of theirs yet: the list that consent sign takes. */
#include <stdio.h>
#include <string.h>

#include "api/client/consent.h"
#include "api/client/say.h"
#include "ledger/entry/codes.h"

struct needed {
    const struct consent_options *o;
    FILE *out;                             /* NULL: standard output */
    uint64_t rows, written, *by_role;      /* by_role: of contributor_codes */
};

static err line_write(struct needed *w, const json_t *row)
{
    char *line = json_dumps(row, JSON_COMPACT | JSON_ENSURE_ASCII);

    if (w->out)
        fprintf(w->out, "%s\n", line ? line : "");
    else
        say("%s", line ? line : "");
    free(line);
    w->written++;
    return ERR_OK;
}

static err row_look(struct scope *s, void *arg, json_t *row)
{
    struct needed *w = arg;
    const char *role = json_text_or(row, "role", "");
    int at = code_find(&contributor_codes, role, strlen(role));

    w->rows++;
    if (strcmp(json_text_or(row, "consent", ""), "needed") != 0)
        return ERR_OK;
    if (at < 0)
        return fail(s, ERR_CORRUPT, "the market names a role that is not known here: '%s'", printable(s, role));
    w->by_role[at]++;
    return w->o->role && strcmp(role, w->o->role) == 0 ? line_write(w, row) : ERR_OK;
}

/* A consent is given in one role: without one said, which there are. */
static void roles_tell(const struct needed *w)
{
    uint64_t all = 0;

    for (size_t i = 0; i < contributor_codes.n; i++) {
        all += w->by_role[i];
        if (w->by_role[i])
            say("needed     %llu as %s: counterfoil consent needed --role %s --out FILE",
                (unsigned long long)w->by_role[i], contributor_codes.code[i], contributor_codes.code[i]);
    }
    if (!all)
        say("needed     none: %s", w->rows ? "what names you is covered by your consents"
                                           : "no published item names you");
}

err consent_needed(struct scope *s, const struct consent_options *o, struct market *m, const char *unused)
{
    struct needed w = { .o = o, .by_role = NEWS(s, uint64_t, contributor_codes.n) };
    bool good = true;
    int role;
    err e;

    (void)unused;
    if (o->role)
        TRY(consent_code(s, &contributor_codes, "role", o->role, &role));
    if (o->out && !o->role)
        return fail(s, ERR_INVALID, "--out wants --role: a consent is given in one role");
    if (o->out && !(w.out = fopen(o->out, "wxe")))
        return fail(s, ERR_CONFIG, "%s can't be made: it may be there already", o->out);
    e = market_each(s, m, "/v1/me/items?limit=1000", row_look, &w);
    if (w.out) {
        good = !ferror(w.out);
        good = fclose(w.out) == 0 && good;
    }
    TRY(e);
    if (!good)
        return fail(s, ERR_IO, "%s could not be written", o->out);
    if (!o->role)
        roles_tell(&w);
    else if (o->out)
        say("needed     %llu as %s, in %s: counterfoil consent sign --list %s --role %s …",
            (unsigned long long)w.written, o->role, o->out, o->out, o->role);
    return ERR_OK;
}
