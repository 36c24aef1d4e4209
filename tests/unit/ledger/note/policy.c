/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/note/policy.h"

#include "tests/unit/tap.h"

#define ORIGIN "ledger.example/market"
#define LOG ORIGIN "+e7f21d4d+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define WITNESS "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
#define BODY7 ORIGIN "\n7\nYKQybLwsL5BFr3eA5qS7SplWNLOKCgKCnBewk5Ysqfk=\n"
#define DASH "\xe2\x80\x94 "
#define SIGNED7 BODY7 "\n" DASH ORIGIN \
    " 5/IdTSf4o3ST3tH2xuAbPI+b1HtFXy+gWIxYLt4HOBLp0dpyMo2WzfFRjuuOCcVUZbD6kJsuRSASxPrVoigZXIQuJgA=\n"
#define COSIGNED7 SIGNED7 DASH "witness.example/w1 IDJKvgAAAABlU/EAm1Th9nbzcdjtKQuTDwcXStcOSC6KxPdKsojRLXHYmOmsH+k4" \
    "0CzRHS3L7LDABgH96G/+6zGV12/06F54OQxvCA==\n"
#define MANY 5

static struct policy policy;
static struct secret_key *secrets[MANY];
static struct cosigner cosigners[MANY];
static const char *lines[MANY];        /* "witness wN <vkey>\n" */

static bool parses(struct scope *s, const char *text)
{
    bool good = policy_parse(s, text, strlen(text), &policy) == ERR_OK;

    if (!good && s->why.code != ERR_INVALID)
        abort();
    scope_forgive(s);
    return good;
}

static void test_example(struct scope *s)
{
    struct policy_verdict v;

    ok(parses(s, "log " LOG "\nwitness w1 " WITNESS "\nquorum w1\n"), "the worked example's policy");
    ok(policy_judge(s, &policy, NULL, COSIGNED7, strlen(COSIGNED7), &v) == ERR_OK && v.met, "is met with w1");
    ok(v.cosigned[0] && v.at[0] == 1700000000 && v.checkpoint.size == 7, "who, when, what");
    ok(policy_judge(s, &policy, NULL, SIGNED7, strlen(SIGNED7), &v) == ERR_OK && !v.met, "and not without");
    is_str(v.missing, "the quorum w1 needs 1 of 1 and has 0; cosigned by: none; not by: w1", "says what is missing");
}

static void test_syntax(struct scope *s)
{
    const char *w = lines[0], *v = lines[1];

    ok(parses(s, "quorum none\n"), "nothing but a quorum");
    ok(parses(s, scope_printf(s, "\n  # words\t\n \t\nquorum none \n%s#\xff\n", w)), "blanks, comments, any order");
    ok(parses(s, scope_printf(s, "\tlog\t" LOG "  https://x/ \n%squorum w0\n", w)), "tabs and spaces, a URL");
    is_str(policy.logs[0].url, "https://x/", "the URL");
    is_str(policy.witnesses[0].url, "", "none");
    ok(parses(s, scope_printf(s, "%s%sgroup \xe2\x84\xaa 2 w0 w1\nquorum \xe2\x84\xaa\n", w, v)), "names of any bytes");
    ok(parses(s, scope_printf(s, "%s%sgroup g any w0\ngroup h all g w1\nquorum h\n", w, v)), "groups of groups");
}

static void test_strict(struct scope *s)
{
    const char *w = lines[0], *v = lines[1];
    const char *const bad[] = {
        "", "\n", "quorum none", "quorum none\r\n", "quorum\v none\n", "quorum none\x7f\n", "quorum none none\n",
        "quorum\n", "quorum none\nquorum none\n", "quorum w0\n", "Quorum none\n", "unknown\nquorum none\n",
        scope_printf(s, "quorum w0\n%s", w), scope_printf(s, "%s%squorum w0\n", w, w),
        scope_printf(s, "%switness other %squorum w0\n", w, strchr(strchr(w, ' ') + 1, ' ') + 1),
        "log\nquorum none\n", "log " WITNESS "\nquorum none\n", "witness w " LOG "\nquorum none\n",
        "log " LOG "\nlog " LOG "\nquorum none\n", "log " LOG " u u\nquorum none\n", "witness w\nquorum none\n",
        "witness\nquorum none\n", "witness none " WITNESS "\nquorum none\n",
        scope_printf(s, "%sgroup g any\nquorum w0\n", w), scope_printf(s, "%sgroup g 0 w0\nquorum g\n", w),
        scope_printf(s, "%sgroup g 2 w0\nquorum g\n", w), scope_printf(s, "%sgroup g 01 w0\nquorum g\n", w),
        scope_printf(s, "%sgroup g +1 w0\nquorum g\n", w), scope_printf(s, "%sgroup g any w1\nquorum g\n", w),
        scope_printf(s, "%sgroup g any w0 w0\nquorum g\n", w), scope_printf(s, "%sgroup g any none\nquorum g\n", w),
        scope_printf(s, "%sgroup g any g\nquorum g\n", w), scope_printf(s, "%sgroup w0 any w0\nquorum w0\n", w),
        scope_printf(s, "%s%sgroup g any w0\ngroup h any w0 w1\nquorum h\n", w, v), "group g\nquorum none\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ok(!parses(s, bad[i]), "refuses policy %zu", i);
    ok(policy_parse(s, "quorum none\n\0\n", 14, &policy) == ERR_INVALID, "refuses a NUL");
    scope_forgive(s);
}

static void test_limits(struct scope *s)
{
    struct buf b = BUF(s), groups = BUF(s);
    struct public_key public;
    struct cosigner c;
    char *name = scope_alloc(s, POLICY_NAME_MAX + 2, 1);

    for (int i = 0; i < POLICY_WITNESSES_MAX; i++) {
        memset(&public, i + 1, sizeof public);
        cosigner_make("w", &public, &c);
        buf_printf(&b, "witness n%d %s\n", i, cosigner_text(s, &c));
        buf_printf(&groups, "group g%d any n%d\n", i, i);
    }
    ok(parses(s, scope_printf(s, "%s%squorum g3\n", b.p, groups.p)), "64 witnesses and 64 groups");
    ok(!parses(s, scope_printf(s, "%s%sgroup x any g0\nquorum g3\n", b.p, groups.p)), "not 65 groups");
    ok(!parses(s, scope_printf(s, "%s%squorum n0\n", b.p, lines[0])), "not 65 witnesses");
    memset(name, 'x', POLICY_NAME_MAX);
    ok(parses(s, scope_printf(s, "witness %s " WITNESS "\nquorum %s\n", name, name)), "the longest name");
    name[POLICY_NAME_MAX] = 'x';
    ok(!parses(s, scope_printf(s, "witness %s " WITNESS "\nquorum %s\n", name, name)), "not a longer one");
    ok(!parses(s, scope_printf(s, "#%*s\nquorum none\n", POLICY_BYTES_MAX, "")), "not too long a file");
}

static bool met(uint32_t who)
{
    bool cosigned[POLICY_WITNESSES_MAX] = { false };

    for (int i = 0; i < MANY; i++)
        cosigned[i] = who & 1u << i;
    return policy_met(&policy, cosigned);
}

/* Two of the first three, and one of the last two: against the plain sentence, for all 32 sets of witnesses. */
static void test_quorum(struct scope *s)
{
    struct buf b = BUF(s);
    int wrong = 0;

    for (int i = 0; i < MANY; i++)
        buf_str(&b, lines[i]);
    ok(parses(s, scope_printf(s, "%sgroup x 2 w0 w1 w2\ngroup y any w3 w4\ngroup both all x y\nquorum both\n", b.p)),
       "the specification's example");
    for (uint32_t who = 0; who < 1u << MANY; who++) {
        bool two = __builtin_popcount(who & 7) >= 2, one = who & 24;
        wrong += met(who) != (two && one);
    }
    is_int(wrong, 0, "met by exactly those sets");
    ok(parses(s, scope_printf(s, "%sgroup all all w0 w1 w2 w3 w4\nquorum none\n", b.p)) && met(0), "none needs none");
    ok(parses(s, scope_printf(s, "%squorum w2\n", b.p)) && met(4) && !met(27), "a single witness");
}

static err judge(struct scope *s, const struct note_key *log, const char *note, struct policy_verdict *v)
{
    err e = policy_judge(s, &policy, log, note, strlen(note), v);

    scope_forgive(s);
    return e;
}

static void test_judge(struct scope *s)
{
    const char *c[MANY], *wrong;
    struct policy_verdict v;
    struct note_key log, stranger;
    struct buf b = BUF(s);

    for (int i = 0; i < MANY; i++) {
        buf_str(&b, lines[i]);
        c[i] = cosignature_make(s, BODY7, &cosigners[i], secrets[i], 1800000000 + i);
    }
    wrong = cosignature_make(s, ORIGIN "\n8\nYKQybLwsL5BFr3eA5qS7SplWNLOKCgKCnBewk5Ysqfk=\n", &cosigners[2],
                             secrets[2], 1);
    note_key_parse(LOG, &log);
    note_key_make("other.example", &cosigners[0].key.key, &stranger);
    ok(parses(s, scope_printf(s, "%sgroup g 2 w0 w1 w2\nquorum g\n", b.p)), "a policy without a log");
    ok(judge(s, NULL, SIGNED7, &v) == ERR_INVALID, "needs one that is named");
    ok(judge(s, &log, SIGNED7, &v) == ERR_OK && !v.met, "signed, not cosigned");
    ok(judge(s, &log, scope_printf(s, SIGNED7 "%s%s", c[0], c[0]), &v) == ERR_OK && !v.met, "one twice is one");
    ok(judge(s, &log, scope_printf(s, SIGNED7 "%s%s", c[3], c[0]), &v) == ERR_OK && !v.met, "one of the group's");
    is_str(v.missing, "the quorum g needs 2 of 3 and has 1; cosigned by: w0, w3; not by: w1, w2, w4", "says so");
    ok(judge(s, &log, scope_printf(s, SIGNED7 "%s%s", c[2], c[0]), &v) == ERR_OK && v.met, "two of them");
    ok(judge(s, &log, scope_printf(s, SIGNED7 "%s%s%s", c[2], c[0], wrong), &v) == ERR_INVALID,
       "a known witness's that fails spoils all");
    ok(judge(s, &log, scope_printf(s, BODY7 "\n%s%s", c[2], c[0]), &v) == ERR_INVALID, "without the log's own");
    ok(judge(s, &stranger, scope_printf(s, SIGNED7 "%s%s", c[2], c[0]), &v) == ERR_INVALID, "another log was meant");
    ok(parses(s, scope_printf(s, "log %s\n%squorum w0\n", note_key_text(s, &stranger), b.p)), "it lists another log");
    ok(judge(s, &log, scope_printf(s, SIGNED7 "%s", c[0]), &v) == ERR_INVALID, "which this one isn't");
    ok(judge(s, NULL, scope_printf(s, SIGNED7 "%s", c[0]), &v) == ERR_INVALID, "named or not");
}

int main(void)
{
    uint8_t seed[ED25519_SEED];
    struct scope s;

    keys_init();
    scope_init(&s, 0);
    for (int i = 0; i < MANY; i++) {
        struct public_key public;
        memset(seed, 0x40 + i, sizeof seed);
        secrets[i] = secret_key_from_seed(seed);
        public = secret_key_public(secrets[i]);
        cosigner_make(scope_printf(&s, "witness.example/%d", i), &public, &cosigners[i]);
        lines[i] = scope_printf(&s, "witness w%d %s\n", i, cosigner_text(&s, &cosigners[i]));
    }
    test_example(&s);
    test_syntax(&s);
    test_strict(&s);
    test_limits(&s);
    test_quorum(&s);
    test_judge(&s);
    for (int i = 0; i < MANY; i++)
        secret_key_free(secrets[i]);
    scope_free(&s);
    return done_testing();
}
