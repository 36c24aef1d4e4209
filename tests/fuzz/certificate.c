/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every reader of credentials over documents without proofs, which are signed here, so that the fuzzer gets behind the
 * signature. Property: what is read grants something, contradicts itself nowhere, and can be written and read again
 * as the same.
 */
#include "ledger/cert/possession.h"
#include "schema/base/id.h"
#include "tests/unit/ledger/cert/samples.h"

static struct secret_key *key;

static void check_consent(struct scope *s, const struct consent *c)
{
    struct consent again;
    enum refusal why;
    json_t *document;

    if (c->n_grants == 0 || c->purposes == 0 || c->coverage.items == 0 || c->c.valid_from >= c->c.valid_until ||
        !(c->effects >> EFFECT_NO_NEW_ACCESS & 1))
        abort();
    for (size_t i = 0; i < c->n_grants; i++) {
        const char *purpose = purpose_codes.code[c->grant[i].purpose];
        int at = code_find(&prohibition_codes, purpose, strlen(purpose));
        if (c->grant[i].models == 0 || c->grant[i].n_territories == 0 || (at >= 0 && c->prohibitions >> at & 1))
            abort();
    }
    if (consent_sign(s, c, key, c->c.signed_at, &document, &why) != ERR_OK ||
        consent_read(s, document, &again, &why) != ERR_OK)
        abort();
    if (again.purposes != c->purposes || again.prohibitions != c->prohibitions || again.n_grants != c->n_grants ||
        !hash_equal(&again.coverage.root, &c->coverage.root) || again.c.valid_until != c->c.valid_until ||
        again.floor.micro != c->floor.micro || again.n_evidence != c->n_evidence)
        abort();
    json_decref(document);
}

static void check_clearance(struct scope *s, const struct clearance *c)
{
    char did[DID_KEY_SIZE];
    uint64_t sum = c->cleared;
    json_t *document;

    for (size_t i = 0; i < exclusion_codes.n; i++)
        sum += c->excluded[i];
    if (sum != c->item_count || (c->verdict == CLEARANCE_REFUSED) != (c->cleared == 0))
        abort();
    sample_did(key, did);
    if (clearance_json(s, c, did, &document) != ERR_OK)
        abort();
    json_decref(document);
}

static void read_all(struct scope *s, const json_t *document)
{
    struct status_credential list;
    struct withdrawal withdrawal;
    struct clearance clearance;
    struct sourcing sourcing;
    struct consent consent;
    struct possession possession;
    struct id party;
    struct data_license license;
    enum refusal why[8];
    err e[8];

    e[0] = consent_read(s, document, &consent, &why[0]);
    e[1] = clearance_read(s, document, &clearance, &why[1]);
    e[2] = sourcing_read(s, document, &sourcing, &why[2]);
    e[3] = withdrawal_read(s, document, &withdrawal, &why[3]);
    e[4] = status_credential_read(s, document, &list, &why[4]);
    e[5] = possession_read(s, document, &possession, &why[5]);
    e[6] = sourcing_withdrawal_read(s, document, &withdrawal, &why[6]);
    e[7] = data_license_read(s, document, &license, &why[7]);
    if (e[7] == ERR_OK && (license.c.valid_from >= license.c.valid_until || license.item_count == 0))
        abort();
    if (e[3] == ERR_OK && e[6] == ERR_OK)
        abort();                       /* one request of both kinds */
    for (size_t i = 0; i < ARRAY_LEN(e); i++)
        if ((e[i] == ERR_OK) != (why[i] == REFUSAL_NONE) || (e[i] != ERR_OK && e[i] != ERR_INVALID))
            abort();
    if (e[0] == ERR_OK)
        check_consent(s, &consent);
    if (e[1] == ERR_OK)
        check_clearance(s, &clearance);
    if (e[2] == ERR_OK && sourcing.criteria == 0)
        abort();
    if (e[5] == ERR_OK && !id_parse(possession.party, "pty", &party))
        abort();
    if (e[4] == ERR_OK && (list.list.n < STATUS_BITS_MIN || list.list.n > STATUS_BITS_MAX))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scope s;
    enum refusal why;
    json_t *document, *whole;

    if (!key) {
        keys_init();
        key = sample_key(1);
    }
    scope_init(&s, 0);
    if (document_read(&s, (const char *)data, size, &document, &why) == ERR_OK) {
        json_object_del(document, "proof");
        if (integrity_sign(&s, document, key, SAMPLE_NOW, &whole) == ERR_OK) {
            read_all(&s, whole);
            json_decref(whole);
        }
        json_decref(document);
    }
    scope_free(&s);
    return 0;
}
