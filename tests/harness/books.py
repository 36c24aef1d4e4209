# SPDX-License-Identifier: Apache-2.0
"""What must hold in the books, asked of the database directly."""

QUESTIONS = {
    "a transaction doesn't sum to zero": """
        SELECT p.transaction, a.currency, sum(p.amount) FROM posting p JOIN account a ON a.no = p.account
         GROUP BY 1, 2 HAVING sum(p.amount) <> 0""",
    "an account's lines have a gap or a wrong balance": """
        SELECT account, running FROM (
            SELECT p.account, p.running, p.balance, row_number() OVER w AS n, sum(p.amount) OVER w AS total
              FROM posting p JOIN account a ON a.no = p.account WHERE a.party IS NOT NULL
            WINDOW w AS (PARTITION BY p.account ORDER BY p.running)) x
         WHERE running <> n OR balance <> total""",
    "a prepaid balance is below zero": "SELECT account, balance FROM posting WHERE balance < 0",
    "a license has no payment of its own, or not its price": """
        SELECT l.id FROM license l LEFT JOIN payment p ON p.id = l.payment
         WHERE l.state <> 'pending'
           AND (p.id IS NULL OR p.license <> l.id OR p.amount <> l.amount OR p.party <> l.buyer)""",
    "a quote was accepted twice": "SELECT quote FROM license GROUP BY quote HAVING count(*) > 1",
    "a payment has no entry of its own": """
        SELECT p.id FROM payment p LEFT JOIN entry e ON e.index = p.index
         WHERE e.type IS DISTINCT FROM 'payment.received'""",
    "a payment was allocated twice, or an allocation has no entry of its own": """
        SELECT l.id, a.state, (SELECT count(*) FROM entry e WHERE e.type = 'allocation.posted' AND
               convert_from(e.bytes, 'UTF8')::jsonb -> 'body' ->> 'license' = l.id) AS n
          FROM allocation a JOIN license l ON l.no = a.license
         WHERE (a.index IS NOT NULL)::integer <> (SELECT count(*) FROM entry e WHERE e.type = 'allocation.posted' AND
               convert_from(e.bytes, 'UTF8')::jsonb -> 'body' ->> 'license' = l.id)""",
    "an allocation's parts are not what was paid": """
        SELECT l.id FROM allocation a JOIN license l ON l.no = a.license WHERE a.state IN ('posted', 'nothing')
           AND (a.owed + a.refund <> l.amount OR a.owed - a.fee <>
                coalesce((SELECT sum(x.amount) FROM allocation_line x WHERE x.allocation = a.no), 0))""",
    "what was paid for licenses is neither held for allocation nor allocated": """
        SELECT a.currency, sum(p.amount) FROM account a JOIN posting p ON p.account = a.no
          JOIN book_transaction t ON t.no = p.transaction LEFT JOIN book_activation x ON x.transaction = t.no
         WHERE a.kind = 'clearing' AND coalesce(t.index, x.index) IS NOT NULL
         GROUP BY a.currency HAVING sum(p.amount) <> (SELECT coalesce(sum(l.amount), 0) FROM license l
          LEFT JOIN allocation n ON n.license = l.no WHERE l.currency = a.currency
           AND coalesce(n.state, 'due') IN ('due', 'prepared'))""",
    "creators' accounts hold something else than lines less payouts": """
        SELECT c.id FROM creator_account c
         WHERE (SELECT coalesce(sum(x.amount), 0) FROM allocation_line x JOIN allocation n ON n.no = x.allocation
                 WHERE x.account = c.id AND n.state = 'posted')
             - (SELECT coalesce(sum(y.amount), 0) FROM payout y WHERE y.account = c.id AND y.state = 'settled')
            <> (SELECT coalesce(sum(p.amount), 0) FROM account a JOIN posting p ON p.account = a.no
                  JOIN book_transaction t ON t.no = p.transaction LEFT JOIN book_activation x ON x.transaction = t.no
                 WHERE a.party = c.party AND a.currency = c.currency AND a.kind IN ('pending', 'available', 'in_payout')
                   AND coalesce(t.index, x.index) IS NOT NULL)""",
    "an access has no entry of its own": """
        SELECT a.license, a.item, a.index FROM access a LEFT JOIN entry e ON e.index = a.index
         WHERE e.type IS DISTINCT FROM 'access.recorded'""",
    "an entry of an access has no row": """
        SELECT e.index FROM entry e LEFT JOIN access a ON a.index = e.index
         WHERE e.type = 'access.recorded' AND a.index IS NULL""",
    "the log has a gap": "SELECT count(*), max(index) + 1 FROM entry HAVING count(*) <> coalesce(max(index) + 1, 0)",
    "a head is not the number of entries": """
        SELECT max(size) FROM tree_head HAVING max(size) <> (SELECT count(*) FROM entry)""",
    "an item was recorded twice within one window": """
        SELECT license, item FROM (SELECT license, item, at, lag(at) OVER (PARTITION BY license, item ORDER BY index)
          AS before FROM access) x WHERE at - before < interval '24 hours'""",
}


def books_problems(sql):
    """Sentences about what doesn't hold; `sql(text)` gives rows."""
    return [f"{sentence}: {rows[:5]}" for sentence, text in QUESTIONS.items() if (rows := sql(text))]
