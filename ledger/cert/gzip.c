/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/gzip.h"

#include <assert.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16)     /* the largest window; + 16: GZIP's frame, not zlib's */
#define CHUNK       16384

struct bytes gzip_pack(struct scope *s, const void *bytes, size_t len, enum gzip_effort effort)
{
    z_stream z = { .next_in = (Bytef *)bytes, .avail_in = (uInt)len };
    uint8_t *out;
    size_t room;
    int rc = deflateInit2(&z, effort, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY);

    assert(rc == Z_OK && len <= UINT32_MAX);
    room = deflateBound(&z, (uLong)len);
    out = scope_alloc(s, room, 1);
    z.next_out = out;
    z.avail_out = (uInt)room;
    rc = deflate(&z, Z_FINISH);
    assert(rc == Z_STREAM_END);
    deflateEnd(&z);
    return (struct bytes){ out, room - z.avail_out };
}

bool gzip_unpack(struct scope *s, const void *packed, size_t len, size_t max, struct bytes *out)
{
    z_stream z = { .next_in = (Bytef *)packed, .avail_in = (uInt)len };
    struct buf b = BUF(s);
    uint8_t chunk[CHUNK];
    int rc = len <= UINT32_MAX ? inflateInit2(&z, GZIP_WINDOW) : Z_MEM_ERROR;

    if (rc != Z_OK)
        return false;
    while (rc == Z_OK && b.len <= max) {
        z.next_out = chunk;
        z.avail_out = sizeof chunk;
        rc = inflate(&z, Z_NO_FLUSH);
        buf_add(&b, chunk, sizeof chunk - z.avail_out);
    }
    inflateEnd(&z);
    *out = (struct bytes){ (const uint8_t *)b.p, b.len };
    return rc == Z_STREAM_END && z.avail_in == 0 && b.len <= max;
}
