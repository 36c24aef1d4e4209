/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What offers, quotes and licenses select of their version (struct sold_version), given `v` and, by SOLD_JOIN, `d`. */
#define SOLD_COLUMNS "v.no AS version_no, v.id AS version_id, coalesce(v.number, 0)::bigint AS version_number," \
                     " d.owner || '/' || d.name AS dataset, d.id AS dataset_id, v.root AS version_root," \
                     " coalesce(v.item_count, 0) AS version_items, coalesce(v.bytes, 0) AS version_bytes"
#define SOLD_JOIN    " JOIN dataset d ON d.id = v.dataset"

#define SOLD_AT(type_, name, member, type) { name, type, offsetof(struct type_, version.member) }
#define SOLD_SHAPE(type_) \
    SOLD_AT(type_, "version_no", no, T_INT8), SOLD_AT(type_, "version_id", id, T_ID), \
    SOLD_AT(type_, "version_number", number, T_INT8), SOLD_AT(type_, "dataset", dataset, T_TEXT), \
    SOLD_AT(type_, "dataset_id", dataset_id, T_ID), SOLD_AT(type_, "version_root", root, T_HASH), \
    SOLD_AT(type_, "version_items", item_count, T_INT8), SOLD_AT(type_, "version_bytes", bytes, T_INT8)
