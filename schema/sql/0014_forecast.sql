-- SPDX-License-Identifier: Apache-2.0
-- What a clearance would leave out, told with the quote.

ALTER TABLE quote ADD COLUMN forecast text;
COMMENT ON COLUMN quote.forecast IS
    'Canonical JSON: what a clearance would have left out when the quote was made, for each class of models, by reason,'
    ' and the refund that would follow; null: the quote is older than forecasts.';
COMMENT ON COLUMN quote.exclusions IS
    'Canonical JSON: how many of the items had bytes then that a clearance would leave out, by reason.';
