/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "ledger/entry/codes.h"
#include "ledger/rules/life.h"

static void test_license(void)
{
    enum license_state to = LICENSE_NONE, back;
    int edges = 0;

    for (int from = 0; from < LICENSE_STATES; from++)
        for (int event = 0; event < LICENSE_EVENTS; event++) {
            bool may = license_step((enum license_state)from, (enum license_event)event, &to);
            edges += may;
            if (may && to == LICENSE_ENDED)
                ok(from == LICENSE_ACTIVE && license_ending((enum license_event)event) &&
                   code_known(&ending_codes, license_ending((enum license_event)event)),
                       "an ending has its reason code");
            if (from == LICENSE_ENDED)
                ok(!may, "nothing follows the end");
        }
    is_int(edges, 6, "edges of a license");
    ok(license_step(LICENSE_PENDING, LICENSE_PAY, &to) && to == LICENSE_ACTIVE, "a payment makes it active");
    ok(!license_step(LICENSE_NONE, LICENSE_PAY, &to), "a payment for nothing does not");
    for (int i = 0; i < LICENSE_STATES; i++)
        ok(license_state_parse(license_state_name((enum license_state)i), &back) && (int)back == i,
           "state %d by name", i);
    ok(!license_state_parse("suspended", &back), "no state that does not exist yet");
}

static void test_offer(void)
{
    enum offer_state to, back;
    int edges = 0;

    for (int from = 0; from < OFFER_STATES; from++)
        for (int event = 0; event < OFFER_EVENTS; event++) {
            bool may = offer_step((enum offer_state)from, (enum offer_event)event, &to);
            edges += may;
            if (from == OFFER_WITHDRAWN)
                ok(!may, "nothing follows a withdrawal");
        }
    is_int(edges, 6, "edges of an offer");
    ok(offer_step(OFFER_PAUSED, OFFER_WITHDRAW, &to) && to == OFFER_WITHDRAWN, "a paused offer can be withdrawn");
    for (int i = 0; i < OFFER_STATES; i++)
        ok(offer_state_parse(offer_state_name((enum offer_state)i), &back) && (int)back == i, "state %d by name", i);
    ok(!offer_state_parse("", &back), "no state without a name");
}

int main(void)
{
    test_license();
    test_offer();
    return done_testing();
}
