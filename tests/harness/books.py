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
