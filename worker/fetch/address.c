/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "worker/fetch/fetch.h"

/* IANA special-purpose registries: what is not globally reachable, multicast included. */
static const struct { uint32_t net; int bits; } special4[] = {
    { 0x00000000, 8 },  { 0x0a000000, 8 },  { 0x64400000, 10 }, { 0x7f000000, 8 },  { 0xa9fe0000, 16 },
    { 0xac100000, 12 }, { 0xc0000000, 24 }, { 0xc0000200, 24 }, { 0xc0586300, 24 }, { 0xc0a80000, 16 },
    { 0xc6120000, 15 }, { 0xc6336400, 24 }, { 0xcb007100, 24 }, { 0xe0000000, 4 },  { 0xf0000000, 4 },
};

static bool special_v4(uint32_t a)
{
    for (size_t i = 0; i < ARRAY_LEN(special4); i++)
        if ((a >> (32 - special4[i].bits)) == (special4[i].net >> (32 - special4[i].bits)))
            return true;
    return false;
}

/* Forms that carry an IPv4 address are judged by it; of the rest only 2000::/3 is global unicast. */
static bool special_v6(const uint8_t a[16])
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };

    if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0)
        return special_v4(be32_read(a + 12));
    if (a[0] == 0x20 && a[1] == 0x02)                                       /* 6to4 */
        return special_v4(be32_read(a + 2));
    /* 2001::/23: Teredo, ORCHID, benchmarking */
    if (a[0] == 0x20 && a[1] == 0x01 && a[2] < 0x02)
        return true;
    if (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8)       /* documentation */
        return true;
    if (a[0] == 0x3f && a[1] == 0xff && a[2] < 0x10)                        /* documentation, RFC 9637 */
        return true;
    return (a[0] & 0xe0) != 0x20;
}

bool address_is_private(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return special_v4(ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
    if (address->sa_family == AF_INET6)
        return special_v6(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
    return true;
}
