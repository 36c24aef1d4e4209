/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ledger/audit/state.h"
#include "ledger/cert/withdrawal.h"
#include "ledger/keys/sha256.h"

/* Certificates of sourcing, and the keys of who gives them. */

struct key key_of_did(const char *did)
{
    struct hash h = sha256_of(did, strlen(did));

    return (struct key){ be64_read(h.b), be64_read(h.b + 8) };
}

/*
 * A public key is trusted from this entry on. A private one isn't, and is known only if it was disclosed. An entry
 * without either takes the trust away and leaves the key what it was.
 */
void party_keys(struct party_row *p, const struct entry *e)
{
    const char *public = text_of(e, "public_key"), *person = text_of(e, "person_key");
    bool private = e->spec->type == ENTRY_PARTY_REGISTERED || e->n_sd > 0;

    p->public_key = public ? key_of_did(public) : (struct key){ 0 };
    if (public || person)
        p->held = key_of_did(public ? public : person);
    else if (private)
        p->held = (struct key){ 0 };
}

/* ---- issued */

static const struct party_row *certifier_find(struct audit *a, const struct entry *e)
{
    const struct party_row *p = table_find(&a->table[PARTIES], key_in(e, "certifier"));

    if (!p || !(p->roles >> code_find(&role_codes, "certifier", sizeof "certifier" - 1) & 1))
        audit_find(a, RULE_CERTIFICATE_CERTIFIER, "a registered certifier", "%s", text_of(e, "certifier"));
    else if (p->roles != ROLES_UNKNOWN && key_zero(p->public_key))
        audit_find(a, RULE_CERTIFICATE_KEY, "a public key of its certifier", "none of %s", text_of(e, "certifier"));
    return p;
}

void certificate_refused(struct scope *s, struct audit *a, enum refusal why, enum audit_rule_id signature,
                         enum audit_rule_id document, const char *id)
{
    audit_find(a, why == REFUSAL_SIGNATURE_INVALID || why == REFUSAL_SIGNER_OTHER ? signature : document,
               "a certificate that verifies", "%s of %s", refusal_code(why), id);
    scope_forgive(s);
}

/* As it is served: read with all proofs, or found; false then. */
static err document_read_of(struct scope *s, struct audit *a, const char *id, struct sourcing *said, bool *good)
{
    enum refusal why = REFUSAL_NONE;
    json_t *document = NULL;
    struct bytes text;
    err e;

    TRY(document_of(s, a, scope_printf(s, "certificates/%s", id), &text, good));
    if (!*good) {
        missing_list(a, "certificate");
        return ERR_OK;
    }
    a->report->listed++;
    e = document_read(s, (const char *)text.p, text.len, &document, &why);
    if (e == ERR_OK)
        e = sourcing_read(s, document, said, &why);
    json_decref(document);
    *good = e == ERR_OK;
    if (!*good)
        certificate_refused(s, a, why, RULE_CERTIFICATE_SIGNATURE, RULE_CERTIFICATE_DOCUMENT, id);
    return ERR_OK;
}

static void document_check(struct audit *a, const struct entry *e, const struct sourcing *said,
                           const struct party_row *p)
{
    const struct version_row *v = table_find(&a->table[VERSIONS], key_in(e, "version"));

    if (!hash_equal(&said->c.document, entry_field(e, "document")->v.hash))
        audit_find(a, RULE_CERTIFICATE_DOCUMENT, "the digest of its entry", "another document");
    else if (said->c.valid_from != time_in(e, "from") || said->c.valid_until != time_in(e, "until"))
        audit_find(a, RULE_CERTIFICATE_DOCUMENT, "the validity of its entry", "another");
    if (p && !key_zero(p->public_key) && !key_equal(key_of_did(said->c.issuer), p->public_key))
        audit_find(a, RULE_CERTIFICATE_SIGNATURE, "its certifier's public key", "a signature by %s", said->c.issuer);
    if (strcmp(said->version_id, text_of(e, "version")) != 0)
        audit_find(a, RULE_CERTIFICATE_ROOT, "the version of its entry", "%s", said->version_id);
    else if (v && (!hash_equal(&v->root, &said->version_root) || v->item_count != said->item_count))
        audit_find(a, RULE_CERTIFICATE_ROOT, "the version's root and number of items", "others");
}

err certificate_issued(struct scope *s, struct audit *a, const struct entry *e)
{
    struct key certificate = key_in(e, "certificate");
    const struct party_row *p = certifier_find(a, e);
    struct certificate_row *c;
    struct sourcing said;
    bool good;

    if (!table_find(&a->table[VERSIONS], key_in(e, "version")))
        audit_find(a, RULE_CERTIFICATE_VERSION, "a published version", "%s", text_of(e, "version"));
    if (time_in(e, "from") >= time_in(e, "until"))
        audit_find(a, RULE_CERTIFICATE_TERM, "an end after its begin", "%s to %s", text_of(e, "from"),
                   text_of(e, "until"));
    if (past(a, CERTIFICATES, certificate) || past(a, PAST_CERTIFICATES, certificate)) {
        audit_find(a, RULE_CERTIFICATE_ONCE, "a new certificate", "%s again", text_of(e, "certificate"));
        return ERR_OK;
    }
    TRY(document_read_of(s, a, text_of(e, "certificate"), &said, &good));
    if (good)
        document_check(a, e, &said, p);
    c = table_add(&a->table[CERTIFICATES], certificate);
    c->certifier = key_in(e, "certifier");
    c->signer = p ? p->public_key : (struct key){ 0 };
    return ERR_OK;
}

/* ---- revoked */

/* Who holds neither key has no say; a key that isn't known here is not told from the right one. */
static bool may_revoke(const struct audit *a, const struct certificate_row *c, const char *did)
{
    const struct party_row *p = table_find(&a->table[PARTIES], c->certifier);
    struct key by = key_of_did(did);

    return key_zero(c->signer) || key_equal(by, c->signer) || !p || key_zero(p->held) || key_equal(by, p->held);
}

static err request_check(struct scope *s, struct audit *a, const struct certificate_row *c, const char *id)
{
    enum refusal why = REFUSAL_NONE;
    json_t *document = NULL;
    struct withdrawal w;
    struct sourcing said;
    struct bytes text;
    bool there;
    err e;

    TRY(document_of(s, a, scope_printf(s, "certificates/%s/withdrawal", id), &text, &there));
    if (!there) {
        missing_list(a, "request to revoke its certificate");
        return ERR_OK;
    }
    a->report->listed++;
    e = document_read(s, (const char *)text.p, text.len, &document, &why);
    if (e == ERR_OK)
        e = sourcing_withdrawal_read(s, document, &w, &why);
    json_decref(document);
    if (e != ERR_OK) {
        audit_find(a, RULE_CERTIFICATE_REQUEST, "a request that verifies", "%s of %s", refusal_code(why), id);
        scope_forgive(s);
        return ERR_OK;
    }
    if (!may_revoke(a, c, w.c.issuer))
        audit_find(a, RULE_CERTIFICATE_REQUEST, "a key of its certifier's", "a request signed by %s", w.c.issuer);
    TRY(document_read_of(s, a, id, &said, &there));
    if (there && sourcing_withdrawal_fits(&w, &said) == REFUSAL_WITHDRAWAL_OTHER)
        audit_find(a, RULE_CERTIFICATE_REQUEST, "a request about this certificate", "one about another");
    return ERR_OK;
}

err certificate_revoked(struct scope *s, struct audit *a, const struct entry *e)
{
    struct key certificate = key_in(e, "certificate");
    struct certificate_row *row = table_find(&a->table[CERTIFICATES], certificate);
    bool certifier = strcmp(text_of(e, "reason"), "certifier") == 0;
    const struct party_row *p;

    if (!row) {
        audit_find(a, RULE_CERTIFICATE_REVOKED, "a certificate that was issued and not revoked", "%s, %s",
                   text_of(e, "certificate"),
                   past(a, PAST_CERTIFICATES, certificate) ? "revoked before" : "never issued");
        return ERR_OK;
    }
    p = table_find(&a->table[PARTIES], row->certifier);
    if (!certifier && strcmp(text_of(e, "reason"), "operator") != 0)
        audit_find(a, RULE_CERTIFICATE_REVOKER, "its certifier or the operator", "%s", text_of(e, "reason"));
    else if (!certifier && p && p->roles != ROLES_UNKNOWN && !key_zero(p->public_key))
        audit_find(a, RULE_CERTIFICATE_REVOKER, "a certifier who is trusted no more", "one who is trusted");
    if (certifier)
        TRY(request_check(s, a, row, text_of(e, "certificate")));
    table_remove(&a->table[CERTIFICATES], row);
    past_add(a, PAST_CERTIFICATES, certificate);
    return ERR_OK;
}
