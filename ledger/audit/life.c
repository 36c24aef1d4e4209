/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger/audit/state.h"
#include "ledger/cert/credential.h"
#include "ledger/cert/integrity.h"
#include "ledger/keys/sha256.h"
#include "schema/base/clock.h"
#include "schema/json/canon.h"

/* ---- from opening to end: what a log says of itself, its issuer, and the logs before and after it */

static struct key key_of_text(const char *text)
{
    struct hash h = sha256_of(text, strlen(text));

    return (struct key){ be64_read(h.b), be64_read(h.b + 8) };
}

/* From entry a->index on documents are this key's; false: the text is no key of an issuer of this log. */
static bool issuer_add(struct audit *a, const char *vkey)
{
    struct note_key key;
    struct issuer_row *row;
    char did[DID_KEY_SIZE];
    struct key by;

    if (!note_key_parse(vkey, &key) || strncmp(key.name, a->key.name, strlen(a->key.name)) != 0 ||
        strcmp(key.name + strlen(a->key.name), "/issuer") != 0)
        return false;
    did_key(&key.key, did);
    by = key_of_text(did);
    for (size_t at = 0; (row = table_next(&a->table[ISSUERS], &at)) != NULL;) {
        if (key_equal(row->key, by))
            return false;
        if (row->until == UINT64_MAX)
            row->until = a->index;
    }
    row = table_add(&a->table[ISSUERS], by);
    row->since = a->index;
    row->until = UINT64_MAX;
    return true;
}

void issuer_key_changed(struct audit *a, const struct entry *e)
{
    if (!issuer_add(a, text_of(e, "issuer_key")))
        audit_find(a, RULE_ISSUER_KEY, "a key that the issuer never had, under its name", "%s",
                   text_of(e, "issuer_key"));
}

/* A shape's member; the decoder has read them. */
static const char *member(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    assert(text);
    return text;
}

static json_t *object_in(const struct entry *e, const char *name)
{
    struct bytes json = entry_field(e, name)->v.json;
    json_t *object = json_loadb((const char *)json.p, json.len, 0, NULL);

    assert(object);
    return object;
}

bool versions_fit(const struct entry *e)
{
    char text[sizeof "{\"entry\":1,\"rules\":4294967295}"];

    snprintf(text, sizeof text, "{\"entry\":1,\"rules\":%u}", e->version);
    return json_is(e, "versions", text);
}

static void predecessor_note(struct audit *a, const struct entry *e)
{
    struct predecessor_row *row;
    json_t *object;
    struct note_key key;
    const char *root;

    if (entry_field(e, "predecessor")->kind == V_ABSENT)
        return;
    object = object_in(e, "predecessor");
    if (!note_key_parse(member(object, "key"), &key) || strcmp(key.name, member(object, "origin")) != 0 ||
        strcmp(key.name, a->key.name) == 0)
        audit_find(a, RULE_LOG_OPENED, "another log's key and origin as the predecessor's", "%s",
                   member(object, "origin"));
    row = table_add(&a->table[PREDECESSORS], key_of_text(member(object, "key")));
    row->size = (uint64_t)json_integer_value(json_object_get(object, "size"));
    root = member(object, "root");
    hex_read(root, strlen(root), row->root.b, HASH_SIZE);
    json_decref(object);
}

void log_opened(struct audit *a, const struct entry *e)
{
    if (a->index != 0) {
        audit_find(a, RULE_LOG_OPENED, "log.opened first and once", "another log.opened");
        return;
    }
    if (strcmp(text_of(e, "origin"), a->key.name) != 0)
        audit_find(a, RULE_LOG_OPENED, "the checkpoint's origin", "another origin");
    else if (strcmp(text_of(e, "log_key"), a->vkey) != 0)
        audit_find(a, RULE_LOG_OPENED, "the key that signs the checkpoint", "another key");
    else if (!versions_fit(e))
        audit_find(a, RULE_LOG_OPENED, "entry format 1 and the rules of the entry", "other versions");
    if (!issuer_add(a, text_of(e, "issuer_key")))
        audit_find(a, RULE_LOG_OPENED, "a key under the issuer's name", "%s", text_of(e, "issuer_key"));
    predecessor_note(a, e);
}

void log_frozen(struct audit *a, const struct entry *e)
{
    json_t *object = object_in(e, "successor");
    const char *vkey = member(object, "key");
    struct note_key key;

    if (!note_key_parse(vkey, &key) || strcmp(key.name, member(object, "origin")) != 0 ||
        strcmp(key.name, a->key.name) == 0)
        audit_find(a, RULE_LOG_FROZEN, "another log's key and origin as the successor's", "%s",
                   member(object, "origin"));
    if (!table_find(&a->table[SUCCESSORS], key_of_text(vkey)))
        ((struct successor_row *)table_add(&a->table[SUCCESSORS], key_of_text(vkey)))->index = a->index;
    json_decref(object);
}

void log_ended(struct audit *a, const struct entry *e)
{
    if (a->table[SUCCESSORS].n > 0)
        audit_find(a, RULE_LOG_FROZEN, "no entry after log.frozen", "%s", e->spec->name);
}

/* ---- the log before */

static void *only(const struct audit *a, int table)
{
    size_t at = 0;

    return table_next(&a->table[table], &at);
}

void predecessor_check(struct audit *a)
{
    const struct audit *before = a->config.predecessor;
    const struct successor_row *named = before ? only(before, SUCCESSORS) : NULL;
    const struct predecessor_row *named_back = only(a, PREDECESSORS);

    if (!before)
        return;
    if (named && !table_find(&before->table[SUCCESSORS], key_of_text(a->vkey)))
        audit_find_tree(a, RULE_LOG_SUCCESSOR, "the log that its predecessor's last entry names", "another key");
    if (!named_back || !key_equal(named_back->key, key_of_text(before->vkey)))
        audit_find_tree(a, RULE_LOG_SUCCESSOR, "a log.opened that names its predecessor", "%s",
                        named_back ? "another log" : "none");
    else if (named_back->size < before->last.size ||
             (named && named_back->size != before->last.size) ||
             (named_back->size == before->last.size && !hash_equal(&named_back->root, &before->last.root)))
        audit_find_tree(a, RULE_LOG_SUCCESSOR, "all entries of its predecessor", "size %" PRIu64 " and a root, after "
                        "%" PRIu64 " were seen", named_back->size, before->last.size);
}

/* ---- documents of the market */

static err signed_check(struct scope *s, struct audit *a, struct key digest, const json_t *document)
{
    enum refusal why = REFUSAL_NONE;
    struct integrities all;
    struct hash bare;

    if (document_digest(s, document, false, &bare) != ERR_OK ||
        !key_equal((struct key){ be64_read(bare.b), be64_read(bare.b + 8) }, digest)) {
        scope_forgive(s);
        audit_find(a, RULE_DOCUMENT_DIGEST, "the document whose digest its entry has", "another");
        return ERR_OK;
    }
    if (integrity_verify(s, document, &all, &why) != ERR_OK) {
        scope_forgive(s);
        audit_find(a, RULE_DOCUMENT_ISSUER, "a signature that verifies", "%s", refusal_code(why));
        return ERR_OK;
    }
    for (size_t i = 0; i < all.n; i++) {
        const struct issuer_row *by = table_find(&a->table[ISSUERS], key_of_text(all.proof[i].did));

        if (!by || a->index < by->since || a->index >= by->until)
            audit_find(a, RULE_DOCUMENT_ISSUER, "the issuer's key of the entry's time", "%s, %s", all.proof[i].did,
                       !by ? "never the issuer's" : a->index < by->since ? "of later" : "of before");
    }
    return ERR_OK;
}

/* Entries that name a document of the market: by which field, whose ids have which prefix, and where it is. */
static const struct named { enum entry_type type; const char *field, *prefix, *folder; } named[] = {
    { ENTRY_LICENSE_GRANTED, "license", "lic", "licenses" },
    { ENTRY_CLEARANCE_ISSUED, "clearance", "clr", "clearances" },
    { ENTRY_CLEARANCE_DENIED, "clearance", "clr", "clearances" },
    { ENTRY_STATUS_LIST_PUBLISHED, "list", "stl", "status-lists" },
};

/* NULL: of a type without. */
static const struct named *named_by(uint64_t type)
{
    for (size_t i = 0; i < ARRAY_LEN(named); i++)
        if (named[i].type == type)
            return &named[i];
    return NULL;
}

/* A status list in its state of then. */
static const char *name_of(struct scope *s, const struct named *n, const char *id, int64_t at_ms)
{
    char at[TIME_TEXT_SIZE];

    time_format(at_ms, at);
    return n->type == ENTRY_STATUS_LIST_PUBLISHED ? scope_printf(s, "documents/%s/%s/%s", n->folder, id, at)
                                                  : scope_printf(s, "documents/%s/%s", n->folder, id);
}

/* What is served as the document of the entry at a->index. */
static err document_named(struct scope *s, struct audit *a, const char *name, struct key digest, bool *there)
{
    enum refusal why = REFUSAL_NONE;
    uint64_t findings = a->report->findings;
    json_t *document = NULL;
    struct bytes text = { 0 };
    err out;

    TRY(document_of(s, a, name, &text, there));
    if (!*there)
        return ERR_OK;
    a->report->listed++;
    if (document_read(s, (const char *)text.p, text.len, &document, &why) != ERR_OK) {
        scope_forgive(s);
        audit_find(a, RULE_DOCUMENT_DIGEST, "a document", "%s", refusal_code(why));
        return ERR_OK;
    }
    out = signed_check(s, a, digest, document);
    json_decref(document);
    if (a->report->findings == findings)
        a->document = text;
    return out;
}

err document_signed(struct scope *s, struct audit *a, const struct entry *e)
{
    const struct named *n = named_by((uint64_t)e->spec->type);
    bool there;

    a->document = (struct bytes){ 0 };
    if (!n || a->table[ISSUERS].n == 0)
        return ERR_OK;
    TRY(document_named(s, a, name_of(s, n, text_of(e, n->field), e->at_ms), hash_key(e, "document"), &there));
    if (there)
        return ERR_OK;
    if (a->config.whole && n->type != ENTRY_CLEARANCE_DENIED)
        missing_document(a, e, key_in(e, n->field));
    else                                   /* a denial without private fields goes with its licensee, unlisted */
        a->report->unlisted++;
    return ERR_OK;
}

bool issuer_over(const struct audit *a, uint64_t index)
{
    const struct issuer_row *row;

    for (size_t at = 0; (row = table_next(&a->table[ISSUERS], &at)) != NULL;)
        if (row->since <= index && index < row->until && row->until != UINT64_MAX)
            return true;
    return false;
}

err document_again(struct scope *s, struct audit *a, const struct missing_row *m, bool *there)
{
    const struct named *n = named_by(m->type);
    char id[ID_SIZE];

    assert(n);
    a->index = m->key.low;
    id_of_key(n->prefix, m->document, id);
    return document_named(s, a, name_of(s, n, id, m->at_ms), m->digest, there);
}
