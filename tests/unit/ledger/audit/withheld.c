/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "tests/unit/ledger/audit/longer.h"

/* Who is shown everything misses what is withheld, list by list. */
static void withhold(const char *name, bool found)
{
    struct audit_config config = { .seed = 42, .whole = true, .now_ms = START + 40 * DAY };
    struct act acts[LONG_ACTS + 1];
    struct audit_source src;
    struct audit_report r;
    bool certificate = strcmp(name, "certificates/" ID("crt", "00")) == 0;
    size_t n = tell(acts);
    struct audit *a;
    struct scope s;
    struct log l;

    for (int i = 0; i < 2 && !certificate; i++) {
        int act = i ? CERTIFIED : UNCERTIFIED;
        int64_t at = acts[act].at;
        acts[act] = acts[VERIFIED];
        acts[act].at = at;
    }
    scope_init(&s, 0);
    log_init(&l);
    config.vkey = l.vkey;
    l.disclose = true;
    log_lists(&l);
    for (size_t i = 0; i < n; i++)
        log_act(&l, &acts[i]);
    for (size_t i = 0; i < l.n_documents; i++)
        if (strcmp(l.document[i].name, name) == 0)
            l.document[i].name = "withheld";
    src = log_source(&l);
    if (audit_new(&s, &config, &a) != ERR_OK || audit_run(&s, a, &src, &r) != ERR_OK)
        abort();
    ok(found ? r.first && r.first->rule == RULE_DISCLOSURE_HIDDEN : r.findings == 0, "%s withheld", name);
    audit_free(a);
    log_free(&l);
    scope_free(&s);
}

int main(void)
{
    static const char *const names[] = {
        "offers/" ID("ofr", "00") "/1", "clearances/" CLR_0 "/rows", "allocations/" ID("alc", "00") "/lines",
        "allocations/" ID("alc", "01") "/parties", "licenses/" LIC_0 "/details", "licenses/" LIC_0 "/document",
        "documents/status-lists/" ID("stl", "00") "/2026-11-23T10:15:30.135Z",
        "documents/licenses/" LIC_1, "documents/clearances/" CLR_1, "certificates/" ID("crt", "00"),
    };

    keys_init();
    withhold("nothing", false);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        withhold(names[i], true);
    split_by = SPLIT_PER_BYTE;
    withhold("licenses/" LIC_0 "/items", true);
    return done_testing();
}
