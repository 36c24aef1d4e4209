/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/issued.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "api/client/issuer.h"
#include "api/client/say.h"
#include "schema/json/canon.h"

static const char *receipt_path(struct scope *s, const char *path)
{
    return scope_printf(s, "%s.receipt", path);
}

/* ---- checking */

static err names(struct scope *s, const struct issued *what, const struct receipt *r)
{
    enum entry_type type = r->entry.spec->type;

    if (type != what->types[0] && type != what->types[1])
        return fail(s, ERR_CORRUPT, "its receipt is of entry %llu, %s, wanted is one of %s: get the receipt of the "
                    "entry that names it", (unsigned long long)r->index, r->entry.spec->name,
                    entry_spec(what->types[0])->name);
    return receipt_says(s, r, "document", hash_hex(s, &what->digest));
}

/*
 * Beside it, or else among those given, which are all read: what somebody named and can't be read is never passed over.
 */
static err receipt_find(struct scope *s, const struct verify_with *with, const struct issued *what, bool *found,
                        struct bytes *proof, struct receipt *out)
{
    const char *beside = receipt_path(s, what->path);

    *found = access(beside, F_OK) == 0;
    if (*found) {
        TRY(receipt_read(s, beside, with->key, proof, out));
        TRY(names(s, what, out));
    }
    for (size_t i = 0; i < with->receipts->n; i++) {
        struct bytes other;
        struct receipt *r = NEW(s, struct receipt);

        TRY(receipt_read(s, with->receipts->v[i], with->key, &other, r));
        if (*found)
            continue;
        *found = names(s, what, r) == ERR_OK;
        scope_forgive(s);
        if (*found) {
            *proof = other;
            *out = *r;
        }
    }
    return ERR_OK;
}

/* That of a party's document need not be kept. */
static err missing(struct scope *s, const struct verify_with *with, const struct issued *what)
{
    const char *type = entry_spec(what->types[0])->name;

    if (with->receipts->n > 0)
        return fail(s, ERR_CONFIG, "none of the receipts given is of the %s entry that names this document, digest %s",
                    type, hash_hex(s, &what->digest));
    if (!what->by) {
        say("%-*snot looked at: there is no %s, the receipt of its %s entry", what->column, "log",
            printable(s, receipt_path(s, what->path)), type);
        return ERR_OK;
    }
    return fail(s, ERR_CONFIG, "%s is not there: it is proved by the receipt of its %s entry: `counterfoil receipt N "
                "--out %s` fetches that, --receipt FILE takes one from elsewhere", printable(s, receipt_path(s,
                what->path)), type, printable(s, receipt_path(s, what->path)));
}

static err issuer_then(struct scope *s, const struct verify_with *with, const struct issued *what,
                       const struct receipt *r)
{
    if (!what->by)
        return ERR_OK;
    if (with->issuers->n > 0)
        return issuer_check(s, with->issuers, with->key, with->policy, r->index, what->by, what->column);
    say("%-*swhose key the issuer's was then is not looked at: --issuer-entry FILE", what->column, "");
    return ERR_OK;
}

err issued_check(struct scope *s, const struct verify_with *with, const struct issued *what, bool *found,
                 struct receipt *out)
{
    struct bytes proof;

    *found = false;
    if (!with->key) {
        say("%-*snot looked at: --key VKEY lays it against the log", what->column, "log");
        return ERR_OK;
    }
    TRY(receipt_find(s, with, what, found, &proof, out));
    if (!*found)
        return missing(s, with, what);
    if (with->policy)
        TRY(receipt_meets(s, with->policy, with->key, proof));
    say("%-*s%llu of %s, in the tree of %llu entries", what->column, "entry", (unsigned long long)out->index,
        out->checkpoint.origin, (unsigned long long)out->checkpoint.size);
    return issuer_then(s, with, what, out);
}

/* ---- keeping */

static err put(struct scope *s, const char *path, struct bytes text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    ssize_t n;

    if (fd < 0)
        return fail(s, ERR_IO, "%s: %s", printable(s, path), strerror(errno));
    n = write(fd, text.p, text.len);
    if (close(fd) != 0 || n != (ssize_t)text.len)
        return fail(s, ERR_IO, "%s could not be written", printable(s, path));
    return ERR_OK;
}

err issued_keep(struct scope *s, struct market *m, const char *path, const json_t *answer)
{
    struct bytes credential, receipt;
    int64_t index;

    TRY(canon(s, json_object_get(answer, "credential"), &credential));
    TRY(json_count(s, json_object_get(answer, "entry"), "index", &index));
    TRY(receipt_text(s, m, (uint64_t)index, &receipt));
    TRY(put(s, path, credential));
    return put(s, receipt_path(s, path), receipt);
}
