/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/verb.h"

#include <stdio.h>
#include <string.h>

static size_t words(const char *text)
{
    size_t n = text ? 1 : 0;

    for (; text && *text; text++)
        n += *text == ' ';
    return n;
}

static const struct flag *find_flag(const struct verb *v, const char *name, size_t len)
{
    for (size_t i = 0; i < v->n_flags; i++)
        if (strlen(v->flags[i].name) == len && memcmp(v->flags[i].name, name, len) == 0)
            return &v->flags[i];
    return NULL;
}

static err add_text(struct scope *s, struct texts *t, const char *text)
{
    if (t->n == TEXTS_MAX)
        return fail(s, ERR_INVALID, "more than %d values", TEXTS_MAX);
    t->v[t->n++] = text;
    return ERR_OK;
}

/* Takes a flag's values from its `=value` or from the next arguments; *at is the last argument used. */
static err take_flag(struct scope *s, const struct flag *f, char *options, const char *equals, int argc, char **argv,
                     int *at)
{
    size_t n = words(f->values);
    struct texts *list = (struct texts *)(void *)(options + f->offset);

    if (n == 0) {
        if (equals)
            return fail(s, ERR_INVALID, "--%s takes no value", f->name);
        *(bool *)(options + f->offset) = true;
        return ERR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        const char *text = i == 0 && equals ? equals + 1 : *at + 1 < argc ? argv[++*at] : NULL;
        if (!text)
            return fail(s, ERR_INVALID, "--%s needs %s", f->name, f->values);
        if (n > 1 || f->many) {
            TRY(add_text(s, list, text));
            continue;
        }
        if (*(const char **)(void *)(options + f->offset))
            return fail(s, ERR_INVALID, "--%s is given twice", f->name);
        *(const char **)(void *)(options + f->offset) = text;
    }
    if (!f->many && list->n > n && n > 1)
        return fail(s, ERR_INVALID, "--%s is given twice", f->name);
    return ERR_OK;
}

err call_parse(struct scope *s, const struct verb *v, int argc, char **argv, struct call *out, bool *help)
{
    char *options = scope_alloc(s, v->options_size, _Alignof(max_align_t));
    bool only_args = false;

    *out = (struct call){ .options = options };
    *help = false;
    for (int i = 0; i < argc; i++) {
        const char *a = argv[i], *equals;
        const struct flag *f;
        if (only_args || a[0] != '-' || strcmp(a, "-") == 0) {
            TRY(add_text(s, &out->args, a));
            continue;
        }
        if (strcmp(a, "--") == 0) {
            only_args = true;
            continue;
        }
        if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
            *help = true;
            return ERR_OK;
        }
        equals = strchr(a, '=');
        f = strncmp(a, "--", 2) == 0 ? find_flag(v, a + 2, equals ? (size_t)(equals - a) - 2 : strlen(a + 2)) : NULL;
        if (!f)
            return fail(s, ERR_INVALID, "unknown flag %s", a);
        TRY(take_flag(s, f, options, equals, argc, argv, &i));
    }
    if (out->args.n < v->args_min || out->args.n > v->args_max)
        return fail(s, ERR_INVALID, "usage: counterfoil %s%s%s", v->name, *v->args ? " " : "", v->args);
    return ERR_OK;
}

void verb_print_help(const struct verb *v)
{
    printf("counterfoil %s%s%s\n\n%s\n", v->name, *v->args ? " " : "", v->args, v->line);
    if (v->more)
        printf("\n%s\n", v->more);
    if (v->n_flags)
        printf("\n");
    for (size_t i = 0; i < v->n_flags; i++) {
        const struct flag *f = &v->flags[i];
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", f->name, f->values ? " " : "", f->values ? f->values : "");
        printf("  %-26s %s%s\n", left, f->help, f->many ? " (may be given again)" : "");
    }
}
