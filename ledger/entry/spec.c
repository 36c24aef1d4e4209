/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/entry/entry.h"

#include <assert.h>
#include <string.h>

#define ID(prefix_)       .kind = F_ID, .prefix = prefix_
#define TEXT              .kind = F_TEXT
#define CODE(list_)       .kind = F_CODE, .codes = &list_
#define CODES(list_)      .kind = F_CODES, .codes = &list_
#define COUNTS(list_)     .kind = F_COUNTS, .codes = &list_
#define HASH              .kind = F_HASH
#define COUNT             .kind = F_COUNT
#define AMOUNT            .kind = F_AMOUNT
#define SUM               .kind = F_SUM
#define CURRENCY          .kind = F_CURRENCY
#define TIME              .kind = F_TIME
#define TERRITORY         .kind = F_TERRITORY
#define OBJECT(fields_)   .kind = F_OBJECT, .shape = fields_, .n_shape = ARRAY_LEN(fields_)
#define BY_CURRENCY(fields_) .kind = F_BY_CURRENCY, .shape = fields_, .n_shape = ARRAY_LEN(fields_)
#define ANY_OBJECT        .kind = F_OBJECT

#define FIELD(name_, help_, ...) { .name = name_, .help = help_, __VA_ARGS__ },
#define PUBLIC(name_, kind_, help_)           FIELD(name_, help_, kind_, .required = true)
#define OPTIONAL(name_, kind_, help_)         FIELD(name_, help_, kind_)
#define PRIVATE(name_, kind_, about_, help_) \
    FIELD(name_, help_, kind_, .required = true, .private = true, .about = about_)
#define PRIVATE_OPTIONAL(name_, kind_, about_, help_) FIELD(name_, help_, kind_, .private = true, .about = about_)

static const struct entry_field predecessor_fields[] = {
    PUBLIC("key", TEXT, "its verifier key")
    PUBLIC("origin", TEXT, "its origin")
    PUBLIC("root", HASH, "its last root")
    PUBLIC("size", COUNT, "its last size")
};
static const struct entry_field successor_fields[] = {
    PUBLIC("key", TEXT, "its verifier key")
    PUBLIC("origin", TEXT, "its origin")
};
static const struct entry_field versions_fields[] = {
    PUBLIC("entry", COUNT, "entry format")
    PUBLIC("rules", COUNT, "rules")
};
static const struct entry_field sums_fields[] = {
    PUBLIC("accounts", COUNT, "number of accounts")
    PUBLIC("root", HASH, "hash of the sum tree's root")
    PUBLIC("total", SUM, "its sum")
};
static const struct entry_field tariff_fields[] = {
    PUBLIC("amount", AMOUNT, "decimal")
    PUBLIC("currency", CURRENCY, "ISO 4217")
    OPTIONAL("kind", CODE(tariff_codes), "what the amount is for")
    OPTIONAL("minimum", AMOUNT, "of a quote")
};

#define TYPE(id, name_, since_, read_by_, ...) static const struct entry_field fields_##id[] = { __VA_ARGS__ };
#include "ledger/entry/types.def"

#define TYPE(id, name_, since_, read_by_, ...) [ENTRY_##id] = { \
    .type = ENTRY_##id, .name = name_, .since = since_, .read_by = read_by_, .fields = fields_##id, \
    .n_fields = ARRAY_LEN(fields_##id) },
static const struct entry_spec specs[ENTRY_TYPES] = {
#include "ledger/entry/types.def"
};

#define TYPE(id, ...) static_assert(ARRAY_LEN(fields_##id) <= ENTRY_FIELDS_MAX, "too many fields: " #id);
#include "ledger/entry/types.def"

const struct entry_spec *entry_spec(enum entry_type type)
{
    assert(type < ENTRY_TYPES);
    return &specs[type];
}

const struct entry_spec *entry_spec_named(const char *name, size_t len)
{
    for (size_t i = 0; i < ENTRY_TYPES; i++)
        if (strlen(specs[i].name) == len && memcmp(specs[i].name, name, len) == 0)
            return &specs[i];
    return NULL;
}

const struct entry_value *entry_field(const struct entry *e, const char *name)
{
    for (size_t i = 0; i < e->spec->n_fields; i++)
        if (strcmp(e->spec->fields[i].name, name) == 0)
            return &e->field[i];
    assert(!"a field that the type does not have");
    return NULL;
}

static const char *kind_name(const struct entry_field *f)
{
    static const char *const names[] = {
        [F_ID] = "id", [F_TEXT] = "text", [F_CODE] = "code", [F_HASH] = "hash", [F_COUNT] = "count",
        [F_AMOUNT] = "amount", [F_SUM] = "sum", [F_CURRENCY] = "currency", [F_TIME] = "time",
        [F_TERRITORY] = "territory",
        [F_CODES] = "codes", [F_COUNTS] = "counts by code", [F_BY_CURRENCY] = "objects by currency",
        [F_OBJECT] = "object",
    };

    return names[f->kind];
}

static void print_about(FILE *out, unsigned about)
{
    static const char *const names[] = { "the party", "the creator", "the buyer", "the publisher", "the payee" };
    const char *between = "";

    if (!about)
        fprintf(out, "–");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (about >> i & 1) {
            fprintf(out, "%s%s", between, names[i]);
            between = ", ";
        }
}

static void print_field(FILE *out, const struct entry_spec *spec, const struct entry_field *f)
{
    fprintf(out, "| `%s` | `%s` | %s | ", spec->name, f->name, kind_name(f));
    if (f->kind == F_ID)
        fprintf(out, "`%s_…` ", f->prefix);
    for (size_t i = 0; f->codes && i < f->codes->n; i++)
        fprintf(out, "`%s` ", f->codes->code[i]);
    for (size_t i = 0; i < f->n_shape; i++)
        fprintf(out, "`%s` (%s) ", f->shape[i].name, kind_name(&f->shape[i]));
    fprintf(out, "| %s%s | ", f->private ? "private" : "public", f->required ? "" : ", optional");
    print_about(out, f->about);
    fprintf(out, " | %s |\n", f->help);
}

void entry_print_table(FILE *out)
{
    fprintf(out, "| type | field | kind | one of, or made of | seen | about | what it is |\n"
                 "| --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < ENTRY_TYPES; i++)
        for (size_t j = 0; j < specs[i].n_fields; j++)
            print_field(out, &specs[i], &specs[i].fields[j]);
    fprintf(out, "\n| type | since rules version | private fields are read by |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < ENTRY_TYPES; i++)
        fprintf(out, "| `%s` | %u | %s |\n", specs[i].name, specs[i].since,
                *specs[i].read_by ? specs[i].read_by : "– (none)");
}
