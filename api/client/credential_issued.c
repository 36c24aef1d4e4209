/* SPDX-License-Identifier: Apache-2.0 */
/* What the market's issuer has signed: licenses, clearances, status lists. */
#include <string.h>

#include "api/client/credential.h"
#include "api/client/issued.h"
#include "api/client/say.h"
#include "ledger/cert/clearance.h"
#include "ledger/cert/status.h"
#include "schema/base/clock.h"

#define SHORT 11                       /* columns of words */
#define LONG  13

static const char *number(struct scope *s, uint64_t n)
{
    return scope_printf(s, "%llu", (unsigned long long)n);
}

static const char *instant(struct scope *s, int64_t at)
{
    char text[TIME_TEXT_SIZE];

    time_format(at, text);
    return scope_strdup(s, text);
}

/* What a document says, which its entry must say as well. */
struct said { const char *field, *text; };

static err entry_says(struct scope *s, const struct receipt *r, const struct said *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        TRY(receipt_says(s, r, all[i].field, all[i].text));
    return ERR_OK;
}

/* Entry and document are of one log. */
static err same_log(struct scope *s, const struct receipt *r, const char *log)
{
    return strcmp(r->checkpoint.origin, log) == 0 ? ERR_OK
         : fail(s, ERR_CORRUPT, "the document is of %s, its receipt of %s", printable(s, log), r->checkpoint.origin);
}

/* ---- licenses */

static void license_tell(struct scope *s, const struct credential_file *f, const struct data_license *l)
{
    say("%s: license %s of %s", printable(s, f->path), l->license, printable(s, l->log));
    say("items        %llu of %s version %llu, root %s", (unsigned long long)l->item_count, printable(s, l->dataset),
        (unsigned long long)l->version, hash_hex(s, &l->slice_root));
    say("for          %s in %s, %s to %s", purpose_codes.code[l->purpose], printable(s, l->territory),
        instant(s, l->c.valid_from), instant(s, l->c.valid_until));
    say("buyer        %s from %s, for %s %s", printable(s, l->buyer.handle), printable(s, l->publisher.handle),
        l->amount, l->currency);
}

static err license_entry(struct scope *s, const struct receipt *r, const struct data_license *l)
{
    const struct said all[] = {
        { "license", l->license }, { "offer", l->offer }, { "revision", number(s, l->revision) },
        { "payment", l->payment }, { "version", l->version_id }, { "slice_root", hash_hex(s, &l->slice_root) },
        { "item_count", number(s, l->item_count) }, { "purpose", purpose_codes.code[l->purpose] },
        { "territory", l->territory }, { "from", instant(s, l->c.valid_from) },
        { "until", instant(s, l->c.valid_until) },
    };
    const struct said private[] = { { "buyer", l->buyer.id }, { "amount", l->amount }, { "currency", l->currency } };

    TRY(same_log(s, r, l->log));
    TRY(entry_says(s, r, all, ARRAY_LEN(all)));
    for (size_t i = 0; i < ARRAY_LEN(private); i++)
        if (entry_field(&r->entry, private[i].field)->kind == V_TEXT)        /* it is disclosed to the parties */
            TRY(receipt_says(s, r, private[i].field, private[i].text));
    return ERR_OK;
}

err credential_license(struct scope *s, const json_t *document, struct credential_file *f)
{
    struct data_license *l = NEW(s, struct data_license);
    struct receipt r;
    bool found;

    TRY(data_license_read(s, document, l, &f->why));
    license_tell(s, f, l);
    TRY(credential_by(s, &l->c, f->with));
    TRY(issued_check(s, f->with, &(struct issued){ f->path, { ENTRY_LICENSE_GRANTED, ENTRY_LICENSE_GRANTED },
                                                   l->c.bare, l->c.issuer, LONG }, &found, &r));
    if (found)
        TRY(license_entry(s, &r, l));
    return credential_now(s, &l->c);
}

/* ---- clearances */

static void clearance_tell(struct scope *s, const struct credential_file *f, const struct clearance *c)
{
    say("%s: clearance %s of %s, %s", printable(s, f->path), c->clearance, c->license,
        clearance_verdict_codes.code[c->verdict]);
    say("issuer     %s%s", c->c.issuer, f->with->issuer ? "" : " (--issuer DID compares it)");
    say("for        %s in %s, %s models", purpose_codes.code[c->purpose], printable(s, c->territory),
        model_codes.code[c->model]);
    say("cleared    %llu of %llu items of %s, root %s", (unsigned long long)c->cleared,
        (unsigned long long)c->item_count, printable(s, c->dataset), hash_hex(s, &c->cleared_root));
    for (size_t i = 0; i < exclusion_codes.n; i++)
        if (c->excluded[i])
            say("excluded   %llu: %s", (unsigned long long)c->excluded[i], exclusion_codes.code[i]);
    say("as of      entry %llu of %s; withdrawals since then are not in it", (unsigned long long)c->as_of,
        printable(s, c->log));
    say("until      %s", instant(s, c->c.valid_until));
}

err credential_clearance(struct scope *s, const json_t *document, struct credential_file *f)
{
    struct clearance *c = NEW(s, struct clearance);
    struct receipt r;
    bool found;

    TRY(clearance_read(s, document, c, &f->why));
    clearance_tell(s, f, c);
    if (f->with->issuer && strcmp(f->with->issuer, c->c.issuer) != 0)
        return fail(s, ERR_INVALID, "signer_other: signed by %s, not by %s", c->c.issuer, f->with->issuer);
    TRY(issued_check(s, f->with, &(struct issued){ f->path, { ENTRY_CLEARANCE_ISSUED, ENTRY_CLEARANCE_DENIED },
                                                   c->c.bare, c->c.issuer, SHORT }, &found, &r));
    if (found) {
        const struct said all[] = { { "clearance", c->clearance }, { "license", c->license },
                                    { "as_of", number(s, c->as_of) }, { "purpose", purpose_codes.code[c->purpose] } };
        TRY(same_log(s, &r, c->log));
        TRY(entry_says(s, &r, all, ARRAY_LEN(all)));
    }
    return credential_now(s, &c->c);
}

/* ---- status lists */

/* Its URL ends in the id that its entry has. */
static err list_entry(struct scope *s, const struct receipt *r, const char *url)
{
    const char *slash = strrchr(url, '/');

    return receipt_says(s, r, "list", slash ? slash + 1 : url);
}

static err list_logged(struct scope *s, const char *path, const struct status_credential *list,
                       const struct verify_with *with)
{
    struct receipt r;
    bool found;

    TRY(issued_check(s, with, &(struct issued){ path, { ENTRY_STATUS_LIST_PUBLISHED, ENTRY_STATUS_LIST_PUBLISHED },
                                                list->c.bare, list->c.issuer, LONG }, &found, &r));
    if (!found)
        return ERR_OK;
    TRY(receipt_says(s, &r, "as_of", number(s, list->as_of)));
    return list_entry(s, &r, list->c.id);
}

err credential_list(struct scope *s, const json_t *document, struct credential_file *f)
{
    struct status_credential *c = NEW(s, struct status_credential);
    size_t set = 0;

    TRY(status_credential_read(s, document, c, &f->why));
    for (size_t i = 0; i < c->list.n; i++)
        set += status_get(&c->list, i);
    say("%s: status list %s, %zu of %zu places set for %s", printable(s, f->path), printable(s, c->c.id), set,
        c->list.n, status_purpose_codes.code[c->purpose]);
    TRY(credential_by(s, &c->c, f->with));
    if (c->has_as_of)
        TRY(list_logged(s, f->path, c, f->with));
    return credential_now(s, &c->c);
}

err credential_list_logged(struct scope *s, const char *path, const struct status_credential *list,
                           const struct verify_with *with)
{
    return with->key && list->has_as_of ? list_logged(s, path, list, with) : ERR_OK;
}
