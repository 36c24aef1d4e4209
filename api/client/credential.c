/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/credential.h"

#include <string.h>

#include "api/client/folder.h"
#include "api/client/issued.h"
#include "api/client/say.h"
#include "ledger/cert/clearance.h"
#include "ledger/cert/consent.h"
#include "ledger/cert/coverage.h"
#include "ledger/cert/possession.h"
#include "ledger/cert/sourcing.h"
#include "ledger/cert/status.h"
#include "ledger/cert/withdrawal.h"
#include "schema/base/clock.h"

#define LINE_HEAD "{\"sha256\":\""
#define LINE_TAIL "\"}"
#define LIST_BYTES_MAX (16 << 20)
#define COLUMN 13

/* The whole file, or else its first line, is the document; the rest is what a consent covers. */
static err document_of(struct scope *s, struct bytes text, json_t **out, struct bytes *rest)
{
    const uint8_t *end = memchr(text.p, '\n', text.len);
    size_t line = end ? (size_t)(end - text.p) : text.len;
    enum refusal why;

    *rest = (struct bytes){ 0 };
    if (document_read(s, (const char *)text.p, text.len, out, &why) == ERR_OK)
        return ERR_OK;
    scope_forgive(s);
    if (line < text.len)
        *rest = (struct bytes){ text.p + line + 1, text.len - line - 1 };
    return document_read(s, (const char *)text.p, line, out, &why);
}

static bool typed(const json_t *document, const char *name)
{
    const json_t *type;
    size_t i;

    json_array_foreach(json_object_get(document, "type"), i, type)
        if (json_is_string(type) && strcmp(json_string_value(type), name) == 0)
            return true;
    return false;
}

bool credential_is(struct scope *s, struct bytes text)
{
    json_t *document = NULL;
    struct bytes rest;
    bool yes;

    if (text.len == 0 || document_of(s, text, &document, &rest) != ERR_OK) {
        scope_forgive(s);
        return false;
    }
    yes = typed(document, CREDENTIAL_TYPE);
    json_decref(document);
    return yes;
}

/* The reason that the scope has, behind its code; the first reason stays, so it is forgiven before. */
static err coded(struct scope *s, enum refusal why)
{
    const char *detail = scope_strdup(s, s->why.detail), *pointer = scope_strdup(s, s->why.pointer);

    scope_forgive(s);
    return fail(s, ERR_INVALID, "%s: %s%s%s; %s", refusal_code(why), pointer, *pointer ? ": " : "", detail,
                refusal_remedy(why));
}

/* ---- what all have in common */

static void times_tell(const struct credential *c)
{
    char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];

    time_format(c->valid_from, from);
    if (c->valid_until != TIME_NEVER)
        time_format(c->valid_until, until);
    say("valid        from %s%s%s", from, c->valid_until == TIME_NEVER ? "" : " until ",
        c->valid_until == TIME_NEVER ? "" : until);
}

/* A file of --status, read and asked about one place. */
static err listed(struct scope *s, const char *path, const struct status_entry *entry, enum refusal *why, bool *set,
                  struct status_credential *list)
{
    struct status_question q = { .list = list, .entry = entry, .now = clock_wall_ms() };
    struct bytes text, rest;
    json_t *document = NULL;
    err e;

    TRY(file_read(s, path, LIST_BYTES_MAX, &text));
    TRY(document_of(s, text, &document, &rest));
    e = status_credential_read(s, document, list, why);
    json_decref(document);
    if (e == ERR_INVALID)
        return coded(s, *why);
    TRY(e);
    q.issuer = list->c.issuer;
    *why = status_ask(&q, set);
    return ERR_OK;
}

/* One file laid against one place; `asked` counts those that were about it. */
static err status_one(struct scope *s, const char *path, const struct status_entry *entry,
                      const struct verify_with *with, size_t *asked, const char **signer)
{
    struct status_credential *list = NEW(s, struct status_credential);
    enum refusal why = REFUSAL_NONE;
    bool set = false;

    TRY(listed(s, path, entry, &why, &set, list));
    if (why == REFUSAL_STATUS_OTHER)
        return ERR_OK;
    if (why == REFUSAL_NONE && set)
        why = entry->purpose == STATUS_REVOCATION ? REFUSAL_REVOKED : REFUSAL_SUSPENDED;
    if (why != REFUSAL_NONE)
        return fail(s, ERR_INVALID, "%s", refusal_text(s, why));
    *signer = list->c.issuer;
    if (with->status_issuer && strcmp(with->status_issuer, *signer) != 0)
        return fail(s, ERR_INVALID, "signer_other: the status list is signed by %s, not by %s", *signer,
                    with->status_issuer);
    ++*asked;
    return credential_list_logged(s, path, list, with);
}

/* By the lists that were given; one that isn't about it is passed over. */
static err status_check(struct scope *s, const struct credential *c, const struct verify_with *with)
{
    const char *signer = NULL;
    size_t asked = 0;

    for (size_t i = 0; i < c->n_status; i++)
        for (size_t k = 0; k < with->status->n; k++)
            TRY(status_one(s, with->status->v[k], &c->status[i], with, &asked, &signer));
    if (asked < c->n_status)
        say("status       not looked at: place %llu of %s (--status FILE, a saved list)",
            (unsigned long long)c->status[0].index, c->status[0].list);
    else if (c->n_status)
        say("status       not revoked, by lists that %s has signed%s", signer,
            with->status_issuer ? "" : " (--status-issuer DID compares it)");
    return ERR_OK;
}

err credential_by(struct scope *s, const struct credential *c, const struct verify_with *with)
{
    say("issuer       %s%s", c->issuer, with->issuer ? "" : " (--issuer DID compares it)");
    times_tell(c);
    return !with->issuer || strcmp(with->issuer, c->issuer) == 0 ? ERR_OK
         : fail(s, ERR_INVALID, "signer_other: signed by %s, not by %s", c->issuer, with->issuer);
}

err credential_now(struct scope *s, const struct credential *c)
{
    enum refusal why = credential_when(c, clock_wall_ms(), clock_wall_ms() + 1);

    return why == REFUSAL_NONE ? ERR_OK
         : fail(s, ERR_INVALID, "%s: its proof holds, but %s; %s", refusal_code(why), refusal_sentence(why),
                refusal_remedy(why));
}

/* Of what a party has signed: its entry, if its receipt was kept, names it as it was accepted. */
static err party_check(struct scope *s, const struct credential_file *f, const struct credential *c,
                       enum entry_type type, enum entry_type or_type)
{
    struct receipt r;
    bool found;

    TRY(credential_by(s, c, f->with));
    TRY(issued_check(s, f->with, &(struct issued){ f->path, { type, or_type }, c->document, NULL, COLUMN }, &found,
                     &r));
    TRY(credential_now(s, c));
    return status_check(s, c, f->with);
}

/* Of what no entry has the digest of. */
static err loose_check(struct scope *s, const struct credential_file *f, const struct credential *c)
{
    TRY(credential_by(s, c, f->with));
    if (f->with->key)
        say("log          no entry has its digest: there is nothing to lay it against");
    return credential_now(s, c);
}

/* ---- the kinds */

static err line_read(struct scope *s, struct bytes *rest, struct hash *out)
{
    const size_t len = sizeof LINE_HEAD - 1 + 2 * HASH_SIZE + sizeof LINE_TAIL - 1;
    const char *p = (const char *)rest->p;

    if (rest->len <= len || p[len] != '\n' || memcmp(p, LINE_HEAD, sizeof LINE_HEAD - 1) != 0 ||
        memcmp(p + len - (sizeof LINE_TAIL - 1), LINE_TAIL, sizeof LINE_TAIL - 1) != 0 ||
        !hex_read(p + sizeof LINE_HEAD - 1, (size_t)2 * HASH_SIZE, out->b, HASH_SIZE))
        return fail(s, ERR_INVALID, "coverage_invalid: a line is not " LINE_HEAD "<64 digits>" LINE_TAIL);
    *rest = (struct bytes){ rest->p + len + 1, rest->len - len - 1 };
    return ERR_OK;
}

static err coverage_check_lines(struct scope *s, struct credential_file *f, const struct consent *c)
{
    struct frontier tree = FRONTIER_EMPTY;
    struct hash last = { { 0 } }, item, root;

    if (f->rest.len == 0 && !c->coverage.single) {
        say("coverage     not in this file: the root alone says nothing of an item");
        return ERR_OK;
    }
    for (; f->rest.len > 0; last = item) {
        TRY(line_read(s, &f->rest, &item));
        if (tree.size > 0 && memcmp(last.b, item.b, HASH_SIZE) >= 0)
            return fail(s, ERR_INVALID, "coverage_invalid: the hashes are not in order, each once");
        coverage_add(&tree, &item);
    }
    if (tree.size == 0)
        return ERR_OK;                    /* a single item, which the certificate names itself */
    root = frontier_root(&tree);
    if (tree.size != c->coverage.items || !hash_equal(&root, &c->coverage.root))
        return fail(s, ERR_INVALID, "coverage_invalid: the lines have root %s, the certificate says %s",
                    hash_hex(s, &root), hash_hex(s, &c->coverage.root));
    return ERR_OK;
}

static err consent_verify(struct scope *s, const json_t *document, struct credential_file *f)
{
    struct consent *c = NEW(s, struct consent);

    TRY(consent_read(s, document, c, &f->why));
    say("%s: consent as %s, level %s", printable(s, f->path), contributor_codes.code[c->role],
        assurance_codes.code[c->assurance]);
    for (size_t i = 0; i < c->n_grants; i++)
        say("for          %s", purpose_codes.code[c->grant[i].purpose]);
    say("covers       %s, root %s", count_text(s, c->coverage.items, "item", "items"),
        hash_hex(s, &c->coverage.root));
    TRY(coverage_check_lines(s, f, c));
    return party_check(s, f, &c->c, ENTRY_CONSENT_GRANTED, ENTRY_CONSENT_GRANTED);
}

static err sourcing_verify(struct scope *s, const json_t *document, struct credential_file *f)
{
    struct sourcing *c = NEW(s, struct sourcing);

    TRY(sourcing_read(s, document, c, &f->why));
    say("%s: certificate of sourcing, %s", printable(s, f->path), printable(s, c->scheme));
    say("of           %s version %llu, %s, root %s", printable(s, c->dataset), (unsigned long long)c->version,
        count_text(s, c->item_count, "item", "items"), hash_hex(s, &c->version_root));
    for (size_t i = 0; i < CRITERIA; i++)
        if (c->criteria >> i & 1)
            say("criterion    %s, evidence %s", criterion_codes.code[i], hash_hex(s, &c->evidence[i]));
    return party_check(s, f, &c->c, ENTRY_CERTIFICATE_ISSUED, ENTRY_CERTIFICATE_ISSUED);
}

static void withdrawal_tell(struct scope *s, const struct withdrawal *w, const struct credential_file *f,
                            const char *of)
{
    say("%s: request to %s the %s %s", printable(s, f->path), withdrawal_action_codes.code[w->action], of,
        printable(s, w->consent));
    say("digest       %s", hash_hex(s, &w->consent_sha256));
}

static err withdrawal_verify(struct scope *s, const json_t *document, struct credential_file *f)
{
    struct withdrawal w;

    TRY(withdrawal_read(s, document, &w, &f->why));
    withdrawal_tell(s, &w, f, "consent");
    return party_check(s, f, &w.c, ENTRY_CONSENT_REVOKED, ENTRY_CONSENT_SUSPENDED);
}

static err sourcing_withdrawal_verify(struct scope *s, const json_t *document, struct credential_file *f)
{
    struct withdrawal w;

    TRY(sourcing_withdrawal_read(s, document, &w, &f->why));
    withdrawal_tell(s, &w, f, "certificate");
    return loose_check(s, f, &w.c);
}

static err possession_verify(struct scope *s, const json_t *document, struct credential_file *f)
{
    struct possession p;

    TRY(possession_read(s, document, &p, &f->why));
    say("%s: statement that the key is %s's in %s", printable(s, f->path), p.party, printable(s, p.log));
    return loose_check(s, f, &p.c);
}

static const struct {
    const char *type;
    err (*verify)(struct scope *s, const json_t *document, struct credential_file *f);
} kinds[] = {
    { CONSENT_TYPE, consent_verify }, { SOURCING_TYPE, sourcing_verify }, { STATUS_LIST_TYPE, credential_list },
    { WITHDRAWAL_TYPE, withdrawal_verify }, { SOURCING_WITHDRAWAL_TYPE, sourcing_withdrawal_verify },
    { POSSESSION_TYPE, possession_verify }, { LICENSE_TYPE, credential_license },
    { CLEARANCE_TYPE, credential_clearance },
};

err credential_verify(struct scope *s, const char *path, struct bytes text, const struct verify_with *with)
{
    struct credential_file f = { .path = path, .with = with };
    json_t *document = NULL;
    err e = document_of(s, text, &document, &f.rest);

    TRY(e);
    e = text.len - f.rest.len <= LIST_BYTES_MAX ? ERR_NOT_FOUND
      : fail(s, ERR_INVALID, "a credential has at most %d bytes, and this file's first has %zu: get it anew",
             LIST_BYTES_MAX, text.len - f.rest.len);
    for (size_t i = 0; i < ARRAY_LEN(kinds) && e == ERR_NOT_FOUND; i++)
        if (typed(document, kinds[i].type))
            e = kinds[i].verify(s, document, &f);
    json_decref(document);
    if (e == ERR_NOT_FOUND)
        return fail(s, ERR_INVALID, "%s", refusal_text(s, REFUSAL_TYPE_UNKNOWN));
    if ((e == ERR_INVALID || e == ERR_MALFORMED) && f.why != REFUSAL_NONE)
        return coded(s, f.why);
    if (e == ERR_OK)
        say("sound");
    return e;
}
