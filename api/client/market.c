/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/market.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/client/say.h"
#include "schema/base/config.h"
#include "schema/base/limits.h"
#include "schema/base/random.h"
#include "schema/json/canon.h"

#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS 5000
#define HEADERS_MAX 8

struct settings { const char *url, *key, *key_file; };

static const struct config_row rows[] = {
    { "COUNTERFOIL_URL", CONFIG_TEXT, offsetof(struct settings, url), "http://127.0.0.1:8080", 0, 0, "The market." },
    { "COUNTERFOIL_KEY_FILE", CONFIG_SECRET_FILE, offsetof(struct settings, key_file), "", 0, 0,
      "File with your API key, readable by you alone." },
    { "COUNTERFOIL_KEY", CONFIG_TEXT, offsetof(struct settings, key), "", 0, 0,
      "Your API key itself, where a file will not do." },
    CONFIG_END
};

void market_print_config(void)
{
    config_print(rows);
}

static err open_at(struct scope *s, struct market *m, const char *url)
{
    const struct fetch_config config = { .agent = "counterfoil/1", .private_addresses = true };
    size_t len = strlen(url);

    while (len > 0 && url[len - 1] == '/')
        len--;
    *m = (struct market){ .url = scope_strndup(s, url, len) };
    return fetch_open(s, &config, &m->fetch);
}

static bool visible(const char *text)
{
    for (; *text; text++)
        if (*text <= 0x20 || *text >= 0x7f)
            return false;
    return true;
}

err market_open(struct scope *s, struct market *m, bool need_key)
{
    struct settings set = { 0 };
    char *key = NULL;

    TRY(config_load(s, rows, &set));
    if (*set.key_file)
        TRY(config_secret(s, set.key_file, &key));
    else if (*set.key)
        key = scope_strdup(s, set.key);
    if (need_key && !key)
        return fail(s, ERR_CONFIG, "this needs your API key: set COUNTERFOIL_KEY_FILE (or COUNTERFOIL_KEY)");
    if (key && (!visible(key) || (strncmp(key, "cf_", 3) != 0 && strncmp(key, "hf_cf_", 6) != 0)))
        return fail(s, ERR_CONFIG, "what %s holds is no API key: those begin with cf_",
                    *set.key_file ? set.key_file : "COUNTERFOIL_KEY");
    TRY(open_at(s, m, set.url));
    m->authorization = key ? scope_printf(s, "Authorization: Bearer %s", key) : NULL;
    return ERR_OK;
}

err market_open_url(struct scope *s, struct market *m, const char *url)
{
    return open_at(s, m, url);
}

err market_clone(struct scope *s, const struct market *m, struct market *out)
{
    const char *authorization = m->authorization;

    TRY(open_at(s, out, m->url));
    out->authorization = authorization;
    return ERR_OK;
}

void market_close(struct market *m)
{
    fetch_close(m->fetch);
    m->fetch = NULL;
}

bool market_may_pass(err e)
{
    return e == ERR_BUSY || e == ERR_UNREACHABLE || e == ERR_UNKNOWN_OUTCOME || e == ERR_RATE;
}

/* Doubles, with jitter of a quarter; what the server asks for counts where it is longer. */
void market_pause(int attempt, const struct fetch_answer *a)
{
    const char *asked = fetch_header(a, "Retry-After");
    int64_t ms = PAUSE_FIRST_MS << attempt, wish = asked ? strtol(asked, NULL, 10) * 1000 : 0;
    struct timespec ts;
    uint16_t noise;

    random_bytes(&noise, sizeof noise);
    if (wish > ms)
        ms = wish;
    if (ms > PAUSE_MAX_MS)
        ms = PAUSE_MAX_MS;
    ms += ms * (noise % 256) / 1024;
    ts = (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&ts, NULL);
}

err market_run(struct scope *s, struct market *m, const char *path, struct fetch_request *rq, bool repeat,
               struct fetch_answer *out)
{
    const char *headers[HEADERS_MAX];
    struct fetch_request mine = *rq;

    for (size_t i = 0; i < rq->n_headers && i + 1 < HEADERS_MAX; i++)
        headers[i] = rq->headers[i];
    if (m->authorization)
        headers[mine.n_headers++] = m->authorization;
    mine.headers = headers;
    mine.url = scope_printf(s, "%s%s", m->url, path);
    for (int attempt = 0;; attempt++) {
        err e = fetch_run(s, m->fetch, &mine, out);
        if (e == ERR_OK)
            e = fetch_problem(s, out);
        if (e == ERR_OK || !repeat || !market_may_pass(e) || attempt == MARKET_REPEATS_MAX)
            return e;
        if (e == ERR_UNREACHABLE && out->status == 0 && attempt >= 4) {
            const char *why = scope_strdup(s, s->why.detail);
            scope_forgive(s);
            return fail(s, e, "%s; COUNTERFOIL_URL says where the market is", why);
        }
        scope_forgive(s);
        market_pause(attempt, out);
    }
}

static err read_answer(struct scope *s, const struct fetch_answer *a, json_t **out)
{
    const struct json_rules rules = { .values_max = MARKET_VALUES_MAX, .any_number = true };

    if (json_read_as(s, (const char *)a->body.p, a->body.len, rules, out) == ERR_OK)
        return ERR_OK;
    scope_forgive(s);
    return fail(s, ERR_CORRUPT, "the answer is not JSON: is this a Counterfoil market?");
}

err market_get(struct scope *s, struct market *m, const char *path, json_t **out)
{
    struct fetch_request rq = { .method = FETCH_GET, .answer_max = MARKET_ANSWER_MAX };
    struct fetch_answer a;

    TRY(market_run(s, m, path, &rq, true, &a));
    return read_answer(s, &a, out);
}

err market_post(struct scope *s, struct market *m, const char *path, const json_t *body, const char *key, json_t **out)
{
    const char *headers[2] = { "Content-Type: application/json" };
    struct fetch_request rq = { .method = FETCH_POST, .answer_max = MARKET_ANSWER_MAX, .headers = headers };
    struct fetch_answer a;

    if (body) {
        TRY(canon(s, body, &rq.body));
        rq.n_headers = 1;
    }
    if (key)
        headers[rq.n_headers++] = scope_printf(s, "Idempotency-Key: \"%s\"", key);
    TRY(market_run(s, m, path, &rq, key != NULL, &a));
    return read_answer(s, &a, out);
}

/* One that leads nowhere is of a list that would never end, and so is one after more pages than any list has. */
static err next_of(struct scope *s, const json_t *page, const char *cursor, unsigned pages, char **out)
{
    const char *next = json_string_value(json_object_get(page, "next_cursor"));

    *out = NULL;
    if (!next)
        return ERR_OK;
    if (json_array_size(json_object_get(page, "data")) == 0 || (cursor && strcmp(next, cursor) == 0))
        return fail(s, ERR_CORRUPT, "the list never ends: a page of it leads nowhere");
    if (pages == LIST_PAGES_MAX)
        return fail(s, ERR_CORRUPT, "the list never ends: after %d pages of it there are more", LIST_PAGES_MAX);
    *out = strdup(next);
    if (!*out)
        abort();
    return ERR_OK;
}

err market_pages(struct scope *s, struct market *m, const char *path,
                 err (*each)(struct scope *s, void *arg, const json_t *data), void *arg)
{
    const char *mark = strchr(path, '?') ? "&" : "?";
    char *cursor = NULL, *next;           /* outlives the page that named it */
    unsigned pages = 0;
    err e = ERR_OK;

    do {
        struct scope one;
        json_t *page = NULL;
        const char *at = path;
        scope_init(&one, 0);
        if (cursor)
            at = scope_printf(&one, "%s%scursor=%s", path, mark, fetch_escape(&one, cursor));
        e = market_get(&one, m, at, &page);
        if (e == ERR_OK && !json_is_array(json_object_get(page, "data")))
            e = fail(&one, ERR_CORRUPT, "the answer is not a page of a list");
        if (e == ERR_OK)
            e = each(&one, arg, json_object_get(page, "data"));
        next = NULL;
        if (e == ERR_OK)
            e = next_of(&one, page, cursor, ++pages, &next);
        if (e != ERR_OK)
            s->why = one.why;
        free(cursor);
        cursor = next;
        json_decref(page);
        scope_free(&one);
    } while (cursor);
    return e;
}

struct rows { struct scope *s; err (*each)(struct scope *s, void *arg, json_t *row); void *arg; };

static err each_row(struct scope *s, void *arg, const json_t *data)
{
    const struct rows *r = arg;
    json_t *row;
    size_t i;

    json_array_foreach(data, i, row) {
        err e = r->each(r->s, r->arg, row);
        if (e != ERR_OK)
            s->why = r->s->why;
        TRY(e);
    }
    return ERR_OK;
}

err market_each(struct scope *s, struct market *m, const char *path,
                err (*each)(struct scope *s, void *arg, json_t *row), void *arg)
{
    struct rows each_of = { s, each, arg };

    return market_pages(s, m, path, each_row, &each_of);
}

err market_id(struct scope *s, const char *text, const char *prefix, const char *hint)
{
    if (strncmp(text, prefix, strlen(prefix)) == 0)
        return ERR_OK;
    return fail(s, ERR_INVALID, "'%s' is not the id that is wanted here, which begins with %s: %s", text, prefix, hint);
}

char *market_new_key(struct scope *s)
{
    uint8_t noise[16];
    char *text = scope_alloc(s, HEX_SIZE(sizeof noise), 1);

    random_bytes(noise, sizeof noise);
    hex_write(noise, sizeof noise, text);
    return text;
}

err json_text(struct scope *s, const json_t *object, const char *name, const char **out)
{
    *out = json_string_value(json_object_get(object, name));
    return *out ? ERR_OK : fail(s, ERR_CORRUPT, "the answer lacks \"%s\"", name);
}

err json_count(struct scope *s, const json_t *object, const char *name, int64_t *out)
{
    const json_t *n = json_object_get(object, name);

    *out = json_integer_value(n);
    return json_is_integer(n) && *out >= 0 ? ERR_OK : fail(s, ERR_CORRUPT, "the answer lacks \"%s\"", name);
}

err json_hash(struct scope *s, const json_t *object, const char *name, struct hash *out)
{
    const char *text;

    TRY(json_text(s, object, name, &text));
    return hash_parse(text, out) ? ERR_OK : fail(s, ERR_CORRUPT, "\"%s\" is not a hash", name);
}

const char *json_text_or(const json_t *object, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : otherwise;
}

char *words_text(struct scope *s, const json_t *list)
{
    struct buf b = BUF(s);
    const json_t *word;
    size_t i;

    buf_str(&b, json_array_size(list) ? "" : "nothing");
    json_array_foreach(list, i, word)
        buf_printf(&b, "%s%s", i ? ", " : "", json_is_string(word) ? json_string_value(word) : "?");
    return printable(s, b.p);
}

char *money_text(struct scope *s, const json_t *money)
{
    return scope_printf(s, "%s %s", json_text_or(money, "amount", "?"), json_text_or(money, "currency", "?"));
}

char *price_text(struct scope *s, const json_t *price)
{
    bool per_item = strcmp(json_text_or(price, "kind", "flat"), "per_item") == 0;
    const char *minimum = json_text_or(price, "minimum", NULL);

    return scope_printf(s, "%s%s%s%s", money_text(s, price), per_item ? " for each item" : "",
                        minimum ? ", at least " : "", minimum ? minimum : "");
}
