/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"

/*
 * Configuration: a table of rows per program, values from the environment.
 *
 * A row names the variable, its type, its default and bounds, and says what it
 * does; `--help` and docs/operating.md are printed from the rows. Secrets are
 * never values: a row of type CONFIG_SECRET_FILE names a file.
 */
enum config_type { CONFIG_TEXT, CONFIG_INT, CONFIG_FLAG, CONFIG_SECRET_FILE };

struct config_row {
    const char *name;        /* "COUNTERFOIL_PORT" */
    enum config_type type;
    size_t offset;           /* of the target in the program's struct: const char *, int64_t or bool */
    const char *fallback;    /* default as text; NULL: required */
    int64_t min, max;        /* CONFIG_INT only */
    const char *help;        /* one sentence */
};

#define CONFIG_END { 0 }

/* Fills `target` from the environment; ERR_CONFIG names the variable and what is wrong. Texts live in `s`. */
err config_load(struct scope *s, const struct config_row *rows, void *target);
/* One row a line, for --help and the operating page. */
void config_print(const struct config_row *rows);
/* A whole file of at most `max` bytes, NUL-terminated beyond its end. ERR_CONFIG: it cannot be read, or is longer. */
err config_file(struct scope *s, const char *path, size_t max, struct bytes *out);
/* First line of a secret's file, without its newline. Refuses files that others can read. */
err config_secret(struct scope *s, const char *path, char **secret);
