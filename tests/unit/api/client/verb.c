/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/verb.h"

#include "tests/unit/tap.h"

struct options { const char *title; struct texts price, purposes; bool json; };

static const struct flag flags[] = {
    { "title", "TEXT", false, offsetof(struct options, title), "" },
    { "price", "AMOUNT CURRENCY", false, offsetof(struct options, price), "" },
    { "purpose", "P", true, offsetof(struct options, purposes), "" },
    { "json", NULL, false, offsetof(struct options, json), "" },
};

static const struct verb verb = { .name = "v", .args = "A [B]", .args_min = 1, .args_max = 2, .flags = FLAGS(flags),
                                  .options_size = sizeof(struct options) };

static err parse(struct scope *s, struct call *c, bool *help, int argc, const char *const *argv)
{
    scope_forgive(s);
    return call_parse(s, &verb, argc, (char **)(uintptr_t)argv, c, help);
}

#define PARSE(...) parse(&s, &c, &help, (int)ARRAY_LEN(((const char *[]){ __VA_ARGS__ })), \
                         (const char *[]){ __VA_ARGS__ })

int main(void)
{
    const struct options *o;
    struct scope s;
    struct call c;
    bool help;

    scope_init(&s, 0);
    ok(PARSE("a", "--title=x=y", "--price", "12.00", "EUR", "--purpose", "p", "b", "--purpose=q", "--json") == ERR_OK,
       "all of it");
    o = c.options;
    ok(c.args.n == 2 && strcmp(c.args.v[1], "b") == 0, "arguments between flags");
    is_str(o->title, "x=y", "a value after =");
    ok(o->price.n == 2 && strcmp(o->price.v[1], "EUR") == 0, "a flag of two values");
    ok(o->purposes.n == 2 && strcmp(o->purposes.v[1], "q") == 0 && o->json, "a flag given again");
    ok(PARSE("--", "--title") == ERR_OK && strcmp(c.args.v[0], "--title") == 0, "after -- nothing is a flag");
    ok(PARSE("a", "--title") == ERR_INVALID, "a value missing");
    ok(PARSE("a", "--price", "12.00") == ERR_INVALID, "the second value missing");
    ok(PARSE("a", "--title", "x", "--title", "y") == ERR_INVALID, "given twice");
    ok(PARSE("a", "--price", "1", "EUR", "--price", "2", "EUR") == ERR_INVALID, "two values given twice");
    ok(PARSE("a", "--nonsense") == ERR_INVALID, "unknown");
    ok(PARSE("a", "--json=yes") == ERR_INVALID, "a value where none goes");
    ok(PARSE("a", "-x") == ERR_INVALID, "one dash");
    ok(PARSE("--json") == ERR_INVALID && PARSE("a", "b", "c") == ERR_INVALID, "too few and too many");
    ok(PARSE("--help") == ERR_OK && help, "help needs nothing else");
    scope_free(&s);
    return done_testing();
}
