/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/rails/manual.h"

#include "schema/base/clock.h"
#include "schema/base/money.h"

void manual_begin(struct buf *file)
{
    buf_printf(file, "payout,run,party,account,amount,currency,instructed_at\r\n");
}

void manual_add(struct buf *file, const struct payout *p)
{
    char amount[MONEY_TEXT_SIZE], at[TIME_TEXT_SIZE];

    money_format(p->amount, p->currency, amount);
    time_format(p->created_at, at);
    buf_printf(file, "%s,%s,%s,%s,%s,%s,%s\r\n", p->id.text, p->run.text, p->handle, p->account, amount, p->currency,
               at);
}
