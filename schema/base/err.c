/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/err.h"

#include <assert.h>

static const struct {
    const char *name;
    enum fault fault;
    int status;
    const char *slug;
} table[ERR_COUNT] = {
    [ERR_OK] = { "OK", FAULT_NONE, 200, "ok" },
#define ERR(name, fault, status, slug) [ERR_##name] = { #name, FAULT_##fault, status, slug },
#include "schema/base/err.def"
};

const char *err_name(err e)
{
    assert(e < ERR_COUNT);
    return table[e].name;
}

enum fault err_fault(err e)
{
    assert(e < ERR_COUNT);
    return table[e].fault;
}

int err_status(err e)
{
    assert(e < ERR_COUNT);
    return table[e].status;
}

const char *err_slug(err e)
{
    assert(e < ERR_COUNT);
    return table[e].slug;
}
