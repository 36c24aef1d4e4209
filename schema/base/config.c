/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX 4096

static err number(struct scope *s, const struct config_row *row, const char *text, int64_t *out)
{
    char *end;
    long long v;

    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno || end == text || *end || v < row->min || v > row->max)
        return fail(s, ERR_CONFIG, "%s must be a whole number from %lld to %lld, not '%s'", row->name,
                    (long long)row->min, (long long)row->max, text);
    *out = v;
    return ERR_OK;
}

static err row_load(struct scope *s, const struct config_row *row, char *target)
{
    const char *text = getenv(row->name);
    bool yes;

    if (!text || !*text)
        text = row->fallback;
    if (!text)
        return fail(s, ERR_CONFIG, "%s is not set: %s", row->name, row->help);
    switch (row->type) {
    case CONFIG_TEXT:
    case CONFIG_SECRET_FILE:
        *(const char **)(target + row->offset) = scope_strdup(s, text);
        return ERR_OK;
    case CONFIG_INT:
        return number(s, row, text, (int64_t *)(target + row->offset));
    case CONFIG_FLAG:
        yes = strcmp(text, "yes") == 0;
        if (!yes && strcmp(text, "no") != 0)
            return fail(s, ERR_CONFIG, "%s must be yes or no, not '%s'", row->name, text);
        *(bool *)(target + row->offset) = yes;
        return ERR_OK;
    }
    return fail(s, ERR_INTERNAL, "configuration row %s has no type", row->name);
}

err config_load(struct scope *s, const struct config_row *rows, void *target)
{
    for (const struct config_row *row = rows; row->name; row++)
        TRY(row_load(s, row, target));
    return ERR_OK;
}

void config_print(const struct config_row *rows)
{
    for (const struct config_row *row = rows; row->name; row++)
        printf("  %-28s %s%s%s%s\n", row->name, row->help, row->fallback && *row->fallback ? " [" : "",
               row->fallback ? row->fallback : "", row->fallback && *row->fallback ? "]" : "");
}

err config_file(struct scope *s, const char *path, size_t max, struct bytes *out)
{
    char *text = scope_alloc(s, max + 2, 1);
    size_t len = 0;
    ssize_t n = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fail(s, ERR_CONFIG, "%s: %s", path, strerror(errno));
    while (len <= max && (n = read(fd, text + len, max + 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    if (n < 0)
        return fail(s, ERR_CONFIG, "%s cannot be read", path);
    if (len > max)
        return fail(s, ERR_CONFIG, "%s is longer than %zu bytes", path, max);
    *out = (struct bytes){ (const uint8_t *)text, len };
    return ERR_OK;
}

err config_secret(struct scope *s, const char *path, char **secret)
{
    char text[SECRET_MAX + 1];
    struct stat st;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fail(s, ERR_CONFIG, "%s: %s", path, strerror(errno));
    if (fstat(fd, &st) != 0 || (st.st_mode & 077) != 0) {
        close(fd);
        return fail(s, ERR_CONFIG, "%s can be read by others: chmod 600 it", path);
    }
    n = read(fd, text, SECRET_MAX);
    close(fd);
    if (n <= 0)
        return fail(s, ERR_CONFIG, "%s is empty or cannot be read", path);
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    *secret = scope_strdup(s, text);
    explicit_bzero(text, sizeof text);
    return ERR_OK;
}
