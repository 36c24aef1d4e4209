/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/document.h"

#include "ledger/entry/entry.h"
#include "ledger/signer/answer.h"
#include "schema/json/canon.h"
#include "tests/unit/ledger/cert/samples.h"
#include "tests/unit/tap.h"

#define ORIGIN "ledger.example/market"
#define AT     INT64_C(1795428930123)
enum { N = 7, PLACE = 4 };

/* A signer of a log of N entries, of which number PLACE is the status list's. */
static struct vault vault;
static struct hash leaves[N], roots[N + 1];
static struct bytes document, entry;
static const uint8_t salts[ENTRY_FIELDS_MAX][SALT_SIZE];

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

static err leaf_read(struct scope *s, void *arg, unsigned level, uint64_t first, size_t n, struct hash *out)
{
    (void)s, (void)arg, (void)level;
    memcpy(out, leaves + first, n * sizeof *out);
    return ERR_OK;
}

/* A tlog-proof of an index in the tree of `size`, its checkpoint with this root and signed by this key. */
static char *proof_text(struct scope *s, uint64_t index, uint64_t size, const struct hash *root, const char *origin,
                        const struct secret_key *secret)
{
    struct hash_source source = { .read = leaf_read, .arg = NULL };
    struct checkpoint c = { .size = size, .root = *root };
    struct public_key public = secret_key_public(secret);
    struct note_key key;
    struct proof p;

    memcpy(c.origin, origin, strlen(origin) + 1);
    ok(note_key_make(origin, &public, &key), "a key has a name");
    is_int(proof_inclusion(s, &source, index, size, &p), ERR_OK, "the entry has a proof");
    return tlog_proof_text(s, index, &p, note_sign(s, checkpoint_text(s, &c), &key, secret));
}

static char *true_proof(struct scope *s)
{
    return proof_text(s, PLACE, N, &roots[N], ORIGIN, vault.log_secret);
}

static struct bytes list_document(struct scope *s, const char *issuer, uint64_t as_of)
{
    struct status_credential list = sample_list(s);
    struct bytes text;
    json_t *json;
    err e;

    list.as_of = as_of;
    e = status_credential_json(s, &list, issuer, &json);
    ok(e == ERR_OK && canon(s, json, &text) == ERR_OK, "a list is made");
    json_decref(json);
    return text;
}

static struct bytes list_entry(struct scope *s, struct bytes text)
{
    struct hash digest = sha256_of(text.p, text.len);
    struct named_value values[] = { { "as_of", EV_COUNT(3) }, { "document", EV_HASH(&digest) },
                                    { "list", EV_TEXT("stl_01jdc5x9k2h3v8m4q7t0w6y1zr") } };
    struct encoded_entry out;

    is_int(entry_encode(s, ENTRY_STATUS_LIST_PUBLISHED, AT, 2, values, ARRAY_LEN(values), salts, &out), ERR_OK,
           "and its entry");
    return out.bytes;
}

/* Puts an entry at PLACE of the log. */
static void log_make(struct bytes at_place)
{
    struct frontier f = FRONTIER_EMPTY;

    roots[0] = empty_root();
    for (uint8_t i = 0; i < N; i++) {
        leaves[i] = i == PLACE ? leaf_hash(at_place.p, at_place.len) : leaf_hash(&i, 1);
        frontier_append(&f, leaves[i]);
        roots[i + 1] = frontier_root(&f);
    }
    vault.last = (struct signer_state){ .sequence = 3, .size = N, .root = roots[N] };
}

static void fill(struct scope *s)
{
    struct public_key log, issuer;
    char did[DID_KEY_SIZE];

    vault.log_secret = sample_key(1);
    vault.n_issuers = 1;
    vault.issuers[0].secret = sample_key(2);
    log = secret_key_public(vault.log_secret);
    issuer = secret_key_public(vault.issuers[0].secret);
    ok(note_key_make(ORIGIN, &log, &vault.log) &&
       note_key_make(ORIGIN "/issuer", &issuer, &vault.issuers[0].key), "keys");
    sample_did(vault.issuers[0].secret, did);
    document = list_document(s, did, 3);
    entry = list_entry(s, document);
    log_make(entry);
}

static enum document_verdict decide(struct scope *s, struct bytes doc, struct bytes ent, const char *proof)
{
    struct document_judge judge = { &vault.log, vault.issuers, vault.n_issuers, &vault.last };
    struct document_request r = { doc, ent, bytes_of(proof) };
    struct document_grant out;
    enum document_verdict v = document_decide(s, &judge, &r, &out);

    scope_forgive(s);
    if (v == DOCUMENT_SIGN) {
        is_int(out.at_ms, AT, "signed as of the entry");
        json_decref(out.document);
    }
    return v;
}

/* ---- what is about the log */

static void test_places(struct scope *s)
{
    struct secret_key *other = sample_key(9);
    struct hash wrong = roots[3];
    char *proof = true_proof(s), *torn = scope_strdup(s, proof);

    is_int(decide(s, document, entry, proof), DOCUMENT_SIGN, "in the log: signed");
    is_int(decide(s, document, entry, proof_text(s, PLACE, 5, &roots[5], ORIGIN, vault.log_secret)), DOCUMENT_SIGN,
           "an older checkpoint will do");
    is_int(decide(s, document, entry, "c2sp.org/tlog-proof@v1\n"), DOCUMENT_PROOF_MALFORMED, "no proof");
    is_int(decide(s, document, entry, proof_text(s, PLACE, N, &roots[N], ORIGIN, other)), DOCUMENT_CHECKPOINT_OTHER,
           "a checkpoint of another key");
    is_int(decide(s, document, entry, proof_text(s, PLACE, N, &roots[N], "x.example/y", vault.log_secret)),
           DOCUMENT_CHECKPOINT_OTHER, "a checkpoint of another log by the same key");
    is_int(decide(s, document, entry, proof_text(s, PLACE, N, &roots[N], ORIGIN "/issuer", vault.issuers[0].secret)),
           DOCUMENT_CHECKPOINT_OTHER, "a checkpoint by the issuer's key");
    torn[strlen(torn) - 8] ^= 1;
    is_int(decide(s, document, entry, torn), DOCUMENT_CHECKPOINT_OTHER, "a signature with a bit flipped");
    is_int(decide(s, document, entry, proof_text(s, PLACE, N, &wrong, ORIGIN, vault.log_secret)),
           DOCUMENT_CHECKPOINT_FORK, "its own signature over another root of this size");
    vault.last.size = N - 1;
    is_int(decide(s, document, entry, proof), DOCUMENT_CHECKPOINT_AHEAD, "a checkpoint beyond what it signed");
    vault.last.size = N;
    is_int(decide(s, document, entry, proof_text(s, PLACE - 1, N, &roots[N], ORIGIN, vault.log_secret)),
           DOCUMENT_NOT_INCLUDED, "the proof of its neighbor");
    is_int(decide(s, document, list_entry(s, list_document(s, "did:key:z6Mk", 4)), proof), DOCUMENT_NOT_INCLUDED,
           "an entry that is not there");
    secret_key_free(other);
}

/* ---- what is about the entry and the document */

static enum document_verdict with(struct scope *s, struct bytes doc, struct bytes ent)
{
    enum document_verdict v;

    log_make(ent);
    v = decide(s, doc, ent, true_proof(s));
    log_make(entry);
    return v;
}

static struct bytes changed(struct scope *s, const char *member, json_t *value /* stolen */)
{
    json_t *json;
    struct bytes text;
    enum refusal why;

    ok(document_read(s, (const char *)document.p, document.len, &json, &why) == ERR_OK &&
       json_object_set_new(json, member, value) == 0 && canon(s, json, &text) == ERR_OK, "with another %s", member);
    json_decref(json);
    return text;
}

static void test_contents(struct scope *s)
{
    struct named_value ended[] = { { "license", EV_TEXT("lic_01jdc5x9k2h3v8m4q7t0w6y1zr") },
                                   { "reason", EV_TEXT("expired") } };
    struct bytes wide = { (const uint8_t *)scope_printf(s, " %.*s", (int)document.len, (const char *)document.p),
                          document.len + 1 };
    struct bytes signed_already = changed(s, "proof", json_object());
    struct bytes bare = changed(s, "@context", json_null()), text = bytes_of("\"text\"");
    struct bytes other = changed(s, "issuer", json_string("did:key:z6MkwHoever"));
    struct bytes typed = changed(s, "type", json_pack("[s,s]", "VerifiableCredential", "TrainingClearance"));
    struct bytes more = changed(s, "type", json_pack("[s,s,s]", "VerifiableCredential", STATUS_LIST_TYPE, "X"));
    struct encoded_entry out;

    is_int(entry_encode(s, ENTRY_LICENSE_ENDED, AT, 2, ended, ARRAY_LEN(ended), salts, &out), ERR_OK, "an entry");
    is_int(with(s, document, bytes_of("{}")), DOCUMENT_ENTRY_INVALID, "no entry");
    is_int(with(s, document, out.bytes), DOCUMENT_ENTRY_OTHER, "an entry without a document");
    is_int(with(s, wide, list_entry(s, wide)), DOCUMENT_DOCUMENT_INVALID, "a document with a space too many");
    is_int(with(s, signed_already, list_entry(s, signed_already)), DOCUMENT_DOCUMENT_INVALID, "one with a proof");
    is_int(with(s, text, list_entry(s, text)), DOCUMENT_DOCUMENT_INVALID, "one that is no object");
    is_int(with(s, bytes_of("{\"a\":"), list_entry(s, bytes_of("{\"a\":"))), DOCUMENT_DOCUMENT_INVALID, "half of one");
    is_int(with(s, changed(s, "id", json_string("urn:x")), entry), DOCUMENT_DOCUMENT_OTHER, "another document");
    is_int(with(s, typed, list_entry(s, typed)), DOCUMENT_TYPE_OTHER, "a clearance under a list's entry");
    is_int(with(s, more, list_entry(s, more)), DOCUMENT_TYPE_OTHER, "a type too many");
    is_int(with(s, other, list_entry(s, other)), DOCUMENT_ISSUER_OTHER, "another issuer");
    is_int(with(s, bare, list_entry(s, bare)), DOCUMENT_DOCUMENT_INVALID, "one without contexts");
}

/* ---- the answer */

static char *ask(struct scope *s, struct tally *t, struct bytes doc, const char *proof)
{
    struct question q = { .verb = ASK_DOCUMENT, .document = { doc, entry, bytes_of(proof) } };
    char *text = question_text(s, &q), *answer;
    bool last;

    ok(signer_answer_make(s, &vault, t, text, strlen(text), &answer, &last) == ERR_OK && !last, "answered");
    return answer;
}

static void test_answers(struct scope *s)
{
    static const char head[] = "counterfoil-signer/v1 document\n";
    char *proof = true_proof(s), *first, *again, *no;
    struct tally t = { 0 };
    struct status_credential list;
    enum refusal why = REFUSAL_NONE;
    char did[DID_KEY_SIZE];
    json_t *json = NULL;

    first = ask(s, &t, document, proof);
    again = ask(s, &t, document, proof);
    is_str(first, again, "a repeat gives the same bytes");
    ok(strncmp(first, head, strlen(head)) == 0, "the document comes back");
    is_int(document_read(s, first + strlen(head), strlen(first + strlen(head)), &json, &why), ERR_OK, "as JSON");
    is_int(status_credential_read(s, json, &list, &why), ERR_OK, "signed");
    sample_did(vault.issuers[0].secret, did);
    ok(strcmp(list.c.issuer, did) == 0 && list.c.signed_at == AT, "by the issuer, as of the entry");
    ok(list.c.bare.b[0] == sha256_of(document.p, document.len).b[0], "the very document");
    json_decref(json);
    no = ask(s, &t, bytes_of("{}"), proof);
    is_str(no, "counterfoil-signer/v1 refused\ndocument_invalid: the document is not an object in canonical JSON"
           " without a proof\n", "a refusal says why");
    vault.last.size = N - 1;
    ask(s, &t, document, proof);
    vault.last.size = N;
    ok(t.documents == 2 && t.refused == 2 && t.alarms == 1 && t.malformed == 0, "all is counted");
}

int main(void)
{
    struct scope s;

    keys_init();
    scope_init(&s, 0);
    fill(&s);
    test_places(&s);
    test_contents(&s);
    test_answers(&s);
    secret_key_free(vault.log_secret);
    secret_key_free(vault.issuers[0].secret);
    scope_free(&s);
    return done_testing();
}
