/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From a content to the versions that hold it. One content may be a million items of a version, so each step asks for
 * the next (sha256, version) in that order: whatever is known about the tables, only one index gives it, and the item's
 * number is never looked at.
 */

/* WITH clause: `holding` has the versions that hold one of the contents $1 (bytea[]). */
#define SQL_HOLDING \
    "WITH RECURSIVE step (sha256, version) AS (" \
    " SELECT h, 0::bigint FROM unnest($1::bytea[]) h" \
    " UNION ALL" \
    " SELECT s.sha256, n.version FROM step s CROSS JOIN LATERAL" \
    "  (SELECT i.sha256, i.version FROM item i WHERE (i.sha256, i.version) > (s.sha256, s.version)" \
    "    ORDER BY i.sha256, i.version LIMIT 1) n WHERE n.sha256 = s.sha256)," \
    " holding AS (SELECT DISTINCT version FROM step WHERE version > 0)"

/* Whether the version o.version holds what is corrupt or missing: a probe for each such content. */
#define SQL_BROKEN \
    "EXISTS (SELECT FROM content c CROSS JOIN LATERAL" \
    "  (SELECT i.sha256, i.version FROM item i WHERE (i.sha256, i.version) >= (c.sha256, o.version)" \
    "    ORDER BY i.sha256, i.version LIMIT 1) i" \
    "  WHERE c.state IN ('corrupt', 'missing') AND i.sha256 = c.sha256 AND i.version = o.version)"
