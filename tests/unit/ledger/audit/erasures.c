/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "ledger/entry/lists.h"
#include "ledger/keys/sha256.h"
#include "ledger/keys/sign.h"
#include "ledger/rules/split.h"
#include "tests/unit/ledger/audit/bends.h"

/*
 * The buyer of the story is erased: an audit to which all is shown is sound and says what it can't check, and every way
 * of hiding something behind an erasure is found.
 */
static const int gone[] = { BUYER, TOPPED_UP, PAID, GRANTED, ACCESS_1, ACCESS_2, ACCESS_3 };
#define GONE ARRAY_LEN(gone)

enum cheat { HONEST, HIDES_MORE, OTHER_ROOT, OTHER_COUNT, NO_LIST, LEAVES_FIELD_OUT, UNKNOWN_FIELD, OTHER_FIELD,
             OUT_OF_ORDER, OF_LATER, CLOSES_TWICE, CLOSES_NOBODY, KEY_AFTER, NO_ENTRY, TO_COME };

/* A leaf for an entry that lost all that is private; every required field of its type is in the story. */
static void row_of(int act, enum cheat cheat, struct erased_row *row)
{
    const struct entry_spec *spec = entry_spec(story[act].type);

    *row = (struct erased_row){ .index = (uint64_t)act, .salt = { 1, (uint8_t)act } };
    for (size_t i = 0; i < spec->n_fields; i++)
        if (spec->fields[i].private && spec->fields[i].required)
            snprintf(row->fields[row->n_fields++], sizeof row->fields[0], "%s", spec->fields[i].name);
    if (cheat == LEAVES_FIELD_OUT && act == GRANTED)
        row->n_fields--;
    if (cheat == UNKNOWN_FIELD && act == GRANTED)
        snprintf(row->fields[row->n_fields++], sizeof row->fields[0], "zzz");
    if (cheat == OTHER_FIELD && act == BUYER) {
        row->n_fields = 1;
        snprintf(row->fields[0], sizeof row->fields[0], "contact");
    }
    if (cheat == OF_LATER && act == ACCESS_3)
        row->index = 1000;
}

static struct hash list_of(struct buf *text, enum cheat cheat)
{
    struct frontier tree = FRONTIER_EMPTY;
    struct buf leaf = BUF(text->s);
    struct erased_row row;

    for (size_t i = 0; i < GONE; i++) {
        row_of(gone[cheat == OUT_OF_ORDER ? GONE - 1 - i : i], cheat, &row);
        list_add_erased(&tree, &leaf, &row);
        buf_add(text, leaf.p, leaf.len);
        buf_char(text, '\n');
    }
    return frontier_root(&tree);
}

static void change_rules(struct log *l, const char *versions)
{
    struct act x = { ENTRY_RULES_CHANGED, START + 31 * DAY, { { "versions", EV_JSON(((struct bytes){
        (const uint8_t *)versions, strlen(versions) })) } }, 0 };

    log_act(l, &x);
}

static void change_issuer(struct log *l)
{
    static const uint8_t seed[ED25519_SEED] = { 9 };
    struct secret_key *secret = secret_key_from_seed(seed);
    struct public_key public = secret_key_public(secret);
    struct note_key key;
    struct act x = { ENTRY_ISSUER_KEY_CHANGED, START + 31 * DAY, { { "issuer_key", EV_TEXT("") } }, 0 };

    if (!note_key_make(ORIGIN "/issuer", &public, &key))
        abort();
    x.value[0].value.v.text = note_key_text(&l->s, &key);
    secret_key_free(secret);
    log_act(l, &x);
}

static void close_party(struct log *l, const char *party)
{
    struct act x = { ENTRY_PARTY_CLOSED, START + 31 * DAY, { { "party", EV_TEXT(party) } }, 0 };

    log_act(l, &x);
}

/* The story, with the rules of its offer beside it, and then its license's document. */
#define LICENSE_DOCUMENT 1
static void play(struct log *l)
{
    const char *split = split_rule_write(&l->s, SPLIT_PER_ITEM, "c2FsdA");
    const char *fee = split_fee_write(&l->s, 120000, "c2Fs");
    struct hash digests[] = { sha256_of(split, strlen(split)), sha256_of(fee, strlen(fee)) };
    struct buf rules = BUF(&l->s);

    buf_printf(&rules, "%s\n%s\n", split, fee);
    l->document[l->n_documents].name = "offers/" ID("ofr", "00") "/1";
    l->document[l->n_documents++].text = rules;
    for (int i = 0; i < ACTS; i++) {
        struct act x = story[i];

        if (i == OFFERED) {
            act_value(&x, "split_digest")->value.v.hash = &digests[0];
            act_value(&x, "fee_digest")->value.v.hash = &digests[1];
        }
        log_act(l, &x);
    }
}

static void vanish(struct log *l)
{
    for (size_t i = 0; i < GONE; i++)
        l->disclosures[gone[i]].len = 0;
}

static void build(struct log *l, enum cheat cheat)
{
    struct buf list;
    struct hash root;

    log_init(l);
    l->disclose = true;
    play(l);
    change_rules(l, "{\"entry\":1,\"rules\":2}");
    change_rules(l, "{\"entry\":1,\"rules\":3}");
    close_party(l, cheat == CLOSES_NOBODY ? ID("pty", "zz") : ID("pty", "02"));
    if (cheat == CLOSES_TWICE)
        close_party(l, ID("pty", "02"));
    list = BUF(&l->s);
    root = list_of(&list, cheat);
    if (cheat == OTHER_ROOT)
        root.b[0] ^= 1;
    struct act erased = { ENTRY_DISCLOSURES_ERASED, START + 31 * DAY, {
        { "count", EV_COUNT(GONE + (cheat == OTHER_COUNT)) }, { "reason", EV_TEXT("request") },
        { "root", EV_HASH(&root) } }, 0 };
    if (cheat != NO_LIST) {
        l->document[l->n_documents].name = scope_printf(&l->s, "erasures/%zu", l->n);
        l->document[l->n_documents++].text = list;
    }
    if (cheat != NO_ENTRY)
        log_act(l, &erased);
    if (cheat == KEY_AFTER) {
        struct act key = { ENTRY_PARTY_KEY_CHANGED, START + 31 * DAY, {
            { "party", EV_TEXT(ID("pty", "02")) }, { "person_key", EV_TEXT("did:key:z6M") } }, 0 };
        log_act(l, &key);
    }
    if (cheat != TO_COME)
        vanish(l);
    if (cheat == HIDES_MORE)
        l->disclosures[PUBLISHER].len = 0;
}

static void run(struct scope *s, struct log *l, bool whole, struct audit_report *out)
{
    struct audit_config config = { .vkey = l->vkey, .seed = 42, .whole = whole };
    struct audit_source src = log_source(l);
    struct audit *a;

    *out = (struct audit_report){ 0 };
    ok(audit_new(s, &config, &a) == ERR_OK && audit_run(s, a, &src, out) == ERR_OK, "an audit runs to its end");
    audit_free(a);
}

static const struct { const char *why; enum cheat cheat; enum audit_rule_id rule, other; } cheats[] = {
    { "hides one entry more", HIDES_MORE, RULE_DISCLOSURE_HIDDEN, RULE_DISCLOSURE_HIDDEN },
    { "has a list of another root", OTHER_ROOT, RULE_ERASURE_LIST, RULE_ERASURE_LIST },
    { "says another count", OTHER_COUNT, RULE_ERASURE_LIST, RULE_ERASURE_LIST },
    { "shows no list", NO_LIST, RULE_ERASURE_LIST, RULE_DISCLOSURE_HIDDEN },
    { "leaves a field out of the list", LEAVES_FIELD_OUT, RULE_DISCLOSURE_HIDDEN, RULE_DISCLOSURE_HIDDEN },
    { "lists a field that there is not", UNKNOWN_FIELD, RULE_ERASURE_LIST, RULE_DISCLOSURE_HIDDEN },
    { "lists a field that its entry may have instead of the one that it lost", OTHER_FIELD, RULE_ERASURE_LIST,
      RULE_DISCLOSURE_HIDDEN },
    { "lists out of order", OUT_OF_ORDER, RULE_ERASURE_LIST, RULE_DISCLOSURE_HIDDEN },
    { "lists what comes later", OF_LATER, RULE_ERASURE_LIST, RULE_DISCLOSURE_HIDDEN },
    { "closes a party twice", CLOSES_TWICE, RULE_PARTY_CLOSED, RULE_PARTY_CLOSED },
    { "closes nobody", CLOSES_NOBODY, RULE_PARTY_CLOSED, RULE_PARTY_CLOSED },
    { "changes the key of a closed party", KEY_AFTER, RULE_PARTY_CHANGED, RULE_PARTY_CHANGED },
    { "erases without an entry", NO_ENTRY, RULE_DISCLOSURE_HIDDEN, RULE_DISCLOSURE_HIDDEN },
};

static void cheating(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cheats); i++) {
        struct audit_report r;
        bool first = false, only = true;
        struct scope s;
        struct log l;

        scope_init(&s, 0);
        build(&l, cheats[i].cheat);
        run(&s, &l, true, &r);
        for (const struct audit_finding *f = r.first; f; f = f->next) {
            first = first || f->rule == cheats[i].rule;
            only = only && (f->rule == cheats[i].rule || f->rule == cheats[i].other);
        }
        ok(first && only, "a market that %s is found", cheats[i].why);
        log_free(&l);
        scope_free(&s);
    }
}

static void name_erasure(struct log *l, int act, uint64_t index)
{
    struct buf at = BUF(&l->s);

    buf_printf(&at, "%" PRIu64, index);
    l->document[l->n_documents].text = at;
    l->document[l->n_documents++].name = scope_printf(&l->s, "erased/%d", act);
}

/* By the erasure that the story ends with. */
static void name_erasures(struct log *l)
{
    for (size_t i = 0; i < GONE; i++)
        name_erasure(l, gone[i], l->n - 1);
}

/* A checkpoint from before the entry, and private fields that went since: remembered, and explained by the next run. */
static void between(void)
{
    struct audit_config config = { .seed = 42, .whole = true, .now_ms = START + 31 * DAY };
    struct audit_report r = { 0 };
    struct audit_source src;
    struct audit *a;
    struct buf text;
    struct scope s;
    struct log l;

    scope_init(&s, 0);
    build(&l, HONEST);
    config.vkey = l.vkey;
    name_erasures(&l);
    l.shown = l.n - 1;
    src = log_source(&l);
    text = BUF(&s);
    ok(audit_new(&s, &config, &a) == ERR_OK && audit_run(&s, a, &src, &r) == ERR_OK, "an audit before the entry");
    ok(r.findings == 0 && r.undisclosed == GONE && r.erased_entries == 0, "waits for what the log says is coming");
    audit_save(a, &text);
    audit_free(a);
    l.shown = 0;
    ok(audit_load(&s, &config, text.p, text.len, &a) == ERR_OK && audit_run(&s, a, &src, &r) == ERR_OK, "goes on");
    ok(r.findings == 0 && r.erased_entries == GONE && r.undisclosed == 0, "and has it explained");
    audit_free(a);
    log_free(&l);
    scope_free(&s);
}

/* One run more, from what the last one has left in `state`. */
static void go_on(struct scope *s, struct log *l, struct buf *state, struct audit_report *r, int64_t now)
{
    struct audit_config config = { .vkey = l->vkey, .seed = 42, .whole = true, .now_ms = now };
    struct audit_source src = log_source(l);
    struct audit *a = NULL;

    if (state->len ? audit_load(s, &config, state->p, state->len, &a) != ERR_OK : audit_new(s, &config, &a) != ERR_OK)
        abort();
    ok(audit_run(s, a, &src, r) == ERR_OK && r->advanced, "an audit to %" PRIu64, r->to);
    state->len = 0;
    audit_save(a, state);
    audit_free(a);
}

/* An erasure beyond what is audited explains what it lists, if there is one: also to who begins anew, each time. */
static void promised(void)
{
    static const struct { const char *why; enum cheat cheat; int act; uint64_t by; } rows[] = {
        { "an erasure that never comes", HIDES_MORE, PUBLISHER, 1000000000 },
        { "what is no erasure", HIDES_MORE, PUBLISHER, ACTS + 2 },
        { "one that doesn't list it", HIDES_MORE, PUBLISHER, ACTS + 3 },
        { "one whose list is another", OTHER_ROOT, PAID, ACTS + 3 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct audit_report r;
        struct buf state;
        struct scope s;
        struct log l;

        scope_init(&s, 0);
        state = (struct buf)BUF(&s);
        build(&l, rows[i].cheat);
        if (l.n != ACTS + 4)
            abort();
        name_erasure(&l, rows[i].act, rows[i].by);
        name_erasures(&l);
        l.shown = ACTS + 1;
        go_on(&s, &l, &state, &r, START + 31 * DAY);
        ok(only_finding(&r, RULE_DISCLOSURE_HIDDEN) && r.findings == (rows[i].cheat == OTHER_ROOT ? GONE : 1) &&
           (r.findings > 1 || r.first->index == (uint64_t)rows[i].act), "what is hidden behind %s is found at once",
           rows[i].why);
        is_int((int64_t)r.undisclosed, (int64_t)(GONE - r.findings + (rows[i].cheat == HIDES_MORE)),
               "and what is not hidden is waited for");
        log_free(&l);
        scope_free(&s);
    }
}

/* An entry in the list of one erasure after the other, each time with the same field. */
static void repeated(void)
{
    static const char *const names[] = { "amount", "buyer", "currency", "reference" };

    for (int all = 0; all < 2; all++) {
        struct audit_report r;
        struct scope s;
        struct log l;

        scope_init(&s, 0);
        log_init(&l);
        l.disclose = true;
        play(&l);
        change_rules(&l, "{\"entry\":1,\"rules\":2}");
        change_rules(&l, "{\"entry\":1,\"rules\":3}");
        l.disclosures[PAID].len = 0;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            struct erased_row row = { .index = PAID, .salt = { (uint8_t)i }, .n_fields = 1 };
            struct frontier tree = FRONTIER_EMPTY;
            struct buf leaf = BUF(&l.s);
            struct hash root;

            snprintf(row.fields[0], sizeof row.fields[0], "%s", names[all ? i : 1]);
            list_add_erased(&tree, &leaf, &row);
            buf_char(&leaf, '\n');
            root = frontier_root(&tree);
            l.document[l.n_documents].name = scope_printf(&l.s, "erasures/%zu", l.n);
            l.document[l.n_documents++].text = leaf;
            struct act erased = { ENTRY_DISCLOSURES_ERASED, START + 31 * DAY, {
                { "count", EV_COUNT(1) }, { "reason", EV_TEXT("request") }, { "root", EV_HASH(&root) } }, 0 };
            log_act(&l, &erased);
        }
        run(&s, &l, true, &r);
        ok(all ? r.findings == 0 && r.erased_entries == 1 : only_finding(&r, RULE_DISCLOSURE_HIDDEN),
           "four erasures that list %s", all ? "a field each" : "the same field hide nothing else");
        log_free(&l);
        scope_free(&s);
    }
}

/* The license's document, as the issuer signed it: its signer may be late by a day, or it went with an erasure. */
static void unsigned_yet(void)
{
    static const struct { const char *why; int64_t now; bool comes, erased, found, changed; } rows[] = {
        { "a license that is not signed yet", START + 1 + DAY, false, false, false, false },
        { "and is when it is asked for again", START + 2 * DAY, true, false, false, false },
        { "or went with an erasure", START + 2 * DAY, false, true, false, false },
        { "or is never signed", START + 2 + DAY, false, false, true, false },
        { "since its key is lost, and another in its place", START + 2 + DAY, false, false, false, true },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct audit_report r;
        struct buf state;
        struct scope s;
        struct log l;

        scope_init(&s, 0);
        state = (struct buf)BUF(&s);
        build(&l, TO_COME);
        if (rows[i].changed)                     /* nobody is erased */
            l.n = ACTS + 2;
        l.document[LICENSE_DOCUMENT].name = "withheld";
        l.shown = ACTS;
        go_on(&s, &l, &state, &r, START + 1 + DAY);
        ok(r.findings == 0 && r.unlisted == 1, "%s: waited for", rows[i].why);
        if (rows[i].comes)
            l.document[LICENSE_DOCUMENT].name = "documents/licenses/" ID("lic", "00");
        if (rows[i].erased)
            vanish(&l);
        if (rows[i].changed)
            change_issuer(&l);
        l.shown = rows[i].erased || rows[i].changed ? 0 : ACTS + 1;
        go_on(&s, &l, &state, &r, rows[i].now);
        ok(rows[i].found ? only_finding(&r, RULE_DISCLOSURE_HIDDEN) && r.first->index == GRANTED : r.findings == 0,
           "%s", rows[i].why);
        is_int((int64_t)r.unshown[RULE_DOCUMENT_ISSUER], rows[i].changed, "what is not signed is counted");
        log_free(&l);
        scope_free(&s);
    }
}

static void honest(void)
{
    struct audit_report r;
    struct scope s;
    struct log l;

    scope_init(&s, 0);
    build(&l, HONEST);
    run(&s, &l, true, &r);
    ok(r.findings == 0 && r.erased_entries == GONE && r.undisclosed == 0, "an erasure as it should be is sound");
    is_int((int64_t)r.erased[RULE_ACCESS_WINDOW], 3, "accesses that a rule is not checked on any more are counted");
    is_int((int64_t)r.erased[RULE_LICENSE_PAID], 1, "by rule");
    is_int((int64_t)r.unshown[RULE_LICENSE_PAID], 0, "apart from what is not shown");
    run(&s, &l, false, &r);
    ok(r.findings == 0 && r.erased_entries == 0 && r.unshown[RULE_LICENSE_PAID] == 1 && r.undisclosed == GONE,
       "another reader can't tell one from the other");
    log_free(&l);
    scope_free(&s);
}

/* Whom it is about: a private field that nobody could have erased would stay for ever. */
static void abouts(void)
{
    for (size_t i = 0; i < ENTRY_TYPES; i++) {
        const struct entry_spec *spec = entry_spec((enum entry_type)i);

        for (size_t j = 0; j < spec->n_fields; j++)
            if (spec->fields[j].about ? !spec->fields[j].private
                                      : spec->fields[j].private && spec->type != ENTRY_OFFER_PUBLISHED)
                ok(false, "%s %s is private and about somebody, or neither", spec->name, spec->fields[j].name);
    }
    ok(true, "every private field but a public offer's price is about somebody");
}

int main(void)
{
    keys_init();
    abouts();
    honest();
    cheating();
    between();
    promised();
    repeated();
    unsigned_yet();
    return done_testing();
}
