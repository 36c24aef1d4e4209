/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Parts of statements about creators' accounts: joins to a row `c` of creator_account that give the balance of one of
 * its parts, by its last posting. What is only prepared is pending, and passed over.
 */
#define CREATOR_LAST(name, of) \
    " LEFT JOIN account a_" name " ON a_" name ".party = c.party AND a_" name ".kind = '" of "'" \
    "                            AND a_" name ".currency = c.currency" \
    " LEFT JOIN LATERAL (SELECT o.balance FROM posting o WHERE o.account = a_" name ".no" \
    "   AND o.running IS NOT NULL ORDER BY o.running DESC LIMIT 1) " name " ON true"
#define CREATOR_PENDING \
    " LEFT JOIN account a_h ON a_h.party = c.party AND a_h.kind = 'pending' AND a_h.currency = c.currency" \
    " LEFT JOIN LATERAL (SELECT o.balance FROM posting o JOIN book_transaction b ON b.no = o.transaction" \
    "   WHERE o.account = a_h.no AND o.running IS NOT NULL AND (b.index IS NOT NULL OR EXISTS" \
    "         (SELECT FROM book_activation WHERE transaction = b.no))" \
    "   ORDER BY o.running DESC LIMIT 1) h ON true"
/* The number of its last line, but for what was erased. */
#define CREATOR_LINES \
    "(SELECT x.n FROM allocation_line x JOIN allocation n ON n.no = x.allocation" \
    "  WHERE x.account = c.id AND n.state = 'posted' AND x.n IS NOT NULL ORDER BY x.n DESC LIMIT 1)"
