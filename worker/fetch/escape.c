/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "worker/fetch/fetch.h"

static char *escape(struct scope *s, const char *text, const char *keep)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    struct buf b = BUF(s);

    buf_add(&b, "", 0);
    for (; *text; text++) {
        if (strchr(unreserved, *text) || strchr(keep, *text))
            buf_char(&b, *text);
        else
            buf_printf(&b, "%%%02X", (unsigned char)*text);
    }
    return b.p;
}

char *fetch_escape(struct scope *s, const char *text)
{
    return escape(s, text, "");
}

char *fetch_escape_path(struct scope *s, const char *path)
{
    return escape(s, path, "/");
}
