-- SPDX-License-Identifier: Apache-2.0
-- Postings are checked one by one in time that does not grow with their transaction.

-- Whether a posting is its transaction's last one is a probe. The largest number of them all was a scan: the planner
-- takes a transaction for a few rows, where an allocation has one for each creator, and the check ran for each of them.
CREATE OR REPLACE FUNCTION posting_checked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before posting;
BEGIN
    IF NOT EXISTS (SELECT FROM posting WHERE transaction = NEW.transaction AND no > NEW.no)
       AND EXISTS (SELECT FROM posting p JOIN account a ON a.no = p.account WHERE p.transaction = NEW.transaction
                    GROUP BY a.currency HAVING sum(p.amount) <> 0) THEN
        RAISE EXCEPTION 'transaction % does not balance', NEW.transaction USING ERRCODE = '23514';
    END IF;
    IF (NEW.running IS NULL) <> (SELECT party IS NULL FROM account WHERE no = NEW.account) THEN
        RAISE EXCEPTION 'posting % numbers the wrong kind of account', NEW.no USING ERRCODE = '23514';
    END IF;
    IF NEW.running IS NOT NULL THEN
        SELECT * INTO before FROM posting WHERE account = NEW.account AND running = NEW.running - 1;
        IF coalesce(before.running, 0) + 1 <> NEW.running
           OR coalesce(before.balance, 0) + NEW.amount <> NEW.balance THEN
            RAISE EXCEPTION 'posting % does not continue its account', NEW.no USING ERRCODE = '23514';
        END IF;
        IF NEW.balance < 0 THEN
            RAISE EXCEPTION 'posting % takes more than its account has', NEW.no USING ERRCODE = '23514';
        END IF;
    END IF;
    RETURN NULL;
END $$;
