/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes.h"

#include "api/allocation.h"
#include "api/balance.h"
#include "api/behind.h"
#include "api/certificate.h"
#include "api/certifier.h"
#include "api/clearance.h"
#include "api/consent.h"
#include "api/content.h"
#include "api/dataset.h"
#include "api/delivery.h"
#include "api/erasure.h"
#include "api/grant.h"
#include "api/license.h"
#include "api/log.h"
#include "api/made.h"
#include "api/offer.h"
#include "api/party.h"
#include "api/payment.h"
#include "api/payout.h"
#include "api/public_key.h"
#include "api/quote.h"
#include "api/service.h"
#include "api/snapshot.h"
#include "api/statement.h"
#include "api/status_list.h"
#include "api/version.h"

const struct http_handler routes[] = {
    { "register_party",     register_party },
    { "renew_first_key",    renew_first_key },
    { "list_parties",       list_parties },
    { "show_me",            show_me },
    { "list_keys",          list_keys },
    { "create_key",         create_key },
    { "revoke_key",         revoke_key },
    { "register_public_key", register_public_key },
    { "create_grant",       create_grant },
    { "list_grants",        list_grants },
    { "revoke_grant",       revoke_grant },
    { "create_erasure",     create_erasure },
    { "list_erasures",      list_erasures },
    { "show_erasure",       show_erasure },
    { "list_erased",        list_erased },
    { "list_datasets",      list_datasets },
    { "create_dataset",     create_dataset },
    { "show_dataset",       show_dataset },
    { "list_versions",      list_versions },
    { "create_version",     create_version },
    { "show_version",       show_version },
    { "put_items",          put_items },
    { "list_items",         list_items },
    { "publish_version",    publish_version },
    { "head_content",       head_content },
    { "put_content",        put_content },
    { "publish_offer",      publish_offer },
    { "list_offers",        list_offers },
    { "show_offer",         show_offer },
    { "withdraw_offer",     withdraw_offer },
    { "create_quote",       create_quote },
    { "show_quote",         show_quote },
    { "list_quote_items",   list_quote_items },
    { "list_quote_split",   list_quote_split },
    { "create_license",     create_license },
    { "list_licenses",      list_licenses },
    { "show_license",       show_license },
    { "end_license",        end_license },
    { "record_payment",     record_payment },
    { "list_payments",      list_payments },
    { "show_balances",      show_balances },
    { "show_statement",     show_statement },
    { "list_snapshots",     list_snapshots },
    { "show_snapshot",      show_snapshot },
    { "list_snapshot_leaves", list_snapshot_leaves },
    { "list_allocation_lines", list_allocation_lines },
    { "create_payout_run",  create_payout_run },
    { "list_payout_runs",   list_payout_runs },
    { "show_payout_run",    show_payout_run },
    { "get_payout_file",    get_payout_file },
    { "list_payouts",       list_payouts },
    { "show_payout",        show_payout },
    { "settle_payout",      settle_payout },
    { "fail_payout",        fail_payout },
    { "create_clearance",   create_clearance },
    { "show_clearance",     show_clearance },
    { "list_clearance_rows", list_clearance_rows },
    { "list_my_items",      list_my_items },
    { "post_consent",       post_consent },
    { "list_consents",      list_consents },
    { "show_consent",       show_consent },
    { "list_coverage",      list_coverage },
    { "revoke_consent",     revoke_consent },
    { "post_certificate",   post_certificate },
    { "list_certificates",  list_certificates },
    { "show_certificate",   show_certificate },
    { "revoke_certificate", revoke_certificate },
    { "trust_certifier",    trust_certifier },
    { "list_certifiers",    list_certifiers },
    { "show_behind",        show_behind },
    { "list_status_lists",  list_status_lists },
    { "show_status_list",   show_status_list },
    { "list_license_items", list_license_items },
    { "get_item",           get_item },
    { "list_entries",       list_entries },
    { "show_entry",         show_entry },
    { "show_proof",         show_proof },
    { "show_consistency",   show_consistency },
    { "show_log_key",       show_log_key },
    { "show_checkpoint",    show_checkpoint },
    { "show_tile",          show_tile },
    { "show_health",        show_health },
    { "show_ready",         show_ready },
    { "show_metrics",       show_metrics },
    { "show_contract",      show_contract },
    { "show_docs",          show_docs },
    { "show_front",         show_front },
};
const size_t n_routes = ARRAY_LEN(routes);
