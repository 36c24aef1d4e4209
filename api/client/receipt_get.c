/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "api/client/folder.h"
#include "api/client/receipt.h"
#include "api/client/say.h"
#include "api/client/verb.h"

struct options { const char *out; };

static const struct flag flags[] = {
    { "out", "FILE", false, offsetof(struct options, out), "write it into FILE, for counterfoil verify" },
};

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    struct bytes text;
    struct market m;
    uint64_t index;
    err e;

    if (!decimal_read(c->args.v[0], strlen(c->args.v[0]), TREE_SIZE_MAX, &index))
        return fail(s, ERR_INVALID, "not the index of an entry: %s", printable(s, c->args.v[0]));
    TRY(market_open(s, &m, false));
    e = receipt_text(s, &m, index, &text);
    market_close(&m);
    TRY(e);
    if (o->out)
        return file_write(s, o->out, text.p, text.len);
    fwrite(text.p, 1, text.len, stdout);
    return ERR_OK;
}

const struct verb verb_receipt = {
    .name = "receipt", .args = "ENTRY", .args_min = 1, .args_max = 1,
    .line = "fetch an entry and its proof, in one file",
    .more = "Of private fields it has those that are yours to see, so that whoever gets the file sees them as well.\n"
            "Kept as FILE.receipt beside a license, clearance, status list, consent or certificate, it is what\n"
            "`counterfoil verify FILE --key VKEY` lays that against the log by.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
