/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/document.h"

#include <string.h>

#include "ledger/cert/clearance.h"
#include "ledger/cert/status.h"
#include "ledger/keys/sha256.h"
#include "schema/json/canon.h"

static const struct { const char *code, *sentence; } verdicts[] = {
#define DOCUMENT(id, code, sentence) { code, sentence },
#include "ledger/signer/document.def"
};

/* Which entries name a document of ours, and of which type it is. */
static const struct { enum entry_type entry; const char *type; } kinds[] = {
    { ENTRY_LICENSE_GRANTED,       LICENSE_TYPE },
    { ENTRY_CLEARANCE_ISSUED,      CLEARANCE_TYPE },
    { ENTRY_CLEARANCE_DENIED,      CLEARANCE_TYPE },
    { ENTRY_STATUS_LIST_PUBLISHED, STATUS_LIST_TYPE },
};

const char *document_code(enum document_verdict v)
{
    return verdicts[v].code;
}

const char *document_sentence(enum document_verdict v)
{
    return verdicts[v].sentence;
}

/* The entry lies in a tree that this signer has signed. */
static enum document_verdict place_decide(struct scope *s, const struct document_judge *j,
                                          const struct document_request *r, uint64_t *index, uint64_t *size)
{
    struct hash leaf = leaf_hash(r->entry.p, r->entry.len);
    struct checkpoint c;
    struct tlog_proof p;

    if (j->last->standby)
        return DOCUMENT_STANDBY;
    if (!tlog_proof_parse((const char *)r->proof.p, r->proof.len, &p))
        return DOCUMENT_PROOF_MALFORMED;
    if (checkpoint_open(s, (const char *)p.note.p, p.note.len, j->log, &c) != ERR_OK)
        return DOCUMENT_CHECKPOINT_OTHER;
    if (c.size > j->last->size)
        return DOCUMENT_CHECKPOINT_AHEAD;
    if (c.size == j->last->size && !hash_equal(&c.root, &j->last->root))
        return DOCUMENT_CHECKPOINT_FORK;
    if (!proof_check_inclusion(p.index, c.size, &leaf, &c.root, &p.proof))
        return DOCUMENT_NOT_INCLUDED;
    *index = p.index;
    *size = c.size;
    return DOCUMENT_SIGN;
}

/* An object with these very bytes as its canonical form. NULL: it isn't. New reference. */
static json_t *document_parse(struct scope *s, struct bytes text)
{
    struct bytes again;
    enum refusal why;
    json_t *document;

    if (document_read(s, (const char *)text.p, text.len, &document, &why) != ERR_OK)
        return NULL;
    if (json_is_object(document) && json_is_array(json_object_get(document, "@context")) &&
        !json_object_get(document, "proof") && canon(s, document, &again) == ERR_OK && again.len == text.len &&
        memcmp(again.p, text.p, text.len) == 0)
        return document;
    json_decref(document);
    return NULL;
}

/* Its last type, after VerifiableCredential, and whose it is. */
static enum document_verdict content_decide(const struct issuer *by, const char *type, const json_t *document)
{
    const json_t *types = json_object_get(document, "type");
    const char *first = json_string_value(json_array_get(types, 0)), *own = json_string_value(json_array_get(types, 1));
    const char *issuer = json_string_value(json_object_get(document, "issuer"));
    char did[DID_KEY_SIZE];

    if (json_array_size(types) != 2 || !first || !own || strcmp(first, CREDENTIAL_TYPE) != 0 || strcmp(own, type) != 0)
        return DOCUMENT_TYPE_OTHER;
    did_key(&by->key.key, did);
    return issuer && strcmp(issuer, did) == 0 ? DOCUMENT_SIGN : DOCUMENT_ISSUER_OTHER;
}

enum document_verdict document_decide(struct scope *s, const struct document_judge *j,
                                      const struct document_request *r, struct document_grant *out)
{
    struct hash digest = sha256_of(r->document.p, r->document.len);
    uint64_t index, size;
    enum document_verdict v = place_decide(s, j, r, &index, &size);
    const char *type = NULL;
    struct entry e;

    if (v != DOCUMENT_SIGN)
        return v;
    if (entry_decode(s, r->entry.p, r->entry.len, &e) != ERR_OK)
        return DOCUMENT_ENTRY_INVALID;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].entry == e.spec->type)
            type = kinds[i].type;
    if (!type)
        return DOCUMENT_ENTRY_OTHER;
    *out = (struct document_grant){ document_parse(s, r->document), e.at_ms,
                                    issuers_at(j->issuers, j->n_issuers, index) };
    if (!out->document)
        return DOCUMENT_DOCUMENT_INVALID;
    v = hash_equal(entry_field(&e, "document")->v.hash, &digest) ? content_decide(out->by, type, out->document)
                                                                 : DOCUMENT_DOCUMENT_OTHER;
    if (v != DOCUMENT_SIGN)
        json_decref(out->document);
    return v;
}

enum document_verdict act_decide(struct scope *s, const struct document_judge *j, enum entry_type type,
                                 const struct document_request *r, struct act_grant *out)
{
    uint64_t size;
    enum document_verdict v = place_decide(s, j, r, &out->index, &size);
    struct entry e;

    if (v != DOCUMENT_SIGN)
        return v;
    if (entry_decode(s, r->entry.p, r->entry.len, &e) != ERR_OK)
        return DOCUMENT_ENTRY_INVALID;
    if (e.spec->type != type)
        return DOCUMENT_ENTRY_OTHER;
    if (type == ENTRY_LOG_FROZEN && (size != j->last->size || out->index != size - 1))
        return DOCUMENT_NOT_LAST;
    out->issuer_key = type == ENTRY_ISSUER_KEY_CHANGED ? entry_field(&e, "issuer_key")->v.text : NULL;
    return DOCUMENT_SIGN;
}
