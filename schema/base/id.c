/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/id.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/random.h"

#define PART_LEN 26

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

struct id id_new(const char *prefix, int64_t wall_ms)
{
    struct id id = { 0 };
    uint8_t noise[16];
    int at = snprintf(id.text, sizeof id.text, "%s_", prefix);

    assert(at >= 2 && at + PART_LEN < ID_SIZE);
    random_bytes(noise, sizeof noise);
    for (int i = 0; i < 10; i++)
        id.text[at + i] = alphabet[(uint64_t)wall_ms >> (45 - 5 * i) & 31];
    for (int i = 0; i < 16; i++)
        id.text[at + 10 + i] = alphabet[noise[i] & 31];
    return id;
}

/* Of the alphabet: no i, l, o, u. */
static bool is_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z' && c != 'i' && c != 'l' && c != 'o' && c != 'u');
}

bool id_parse(const char *text, const char *prefix, struct id *out)
{
    size_t at = strlen(prefix);

    if (strncmp(text, prefix, at) != 0 || text[at] != '_' || strlen(text) != at + 1 + PART_LEN)
        return false;
    for (size_t i = at + 1; i <= at + PART_LEN; i++)
        if (!is_digit(text[i]))
            return false;
    *out = (struct id){ 0 };
    memcpy(out->text, text, at + 1 + PART_LEN);
    return true;
}
