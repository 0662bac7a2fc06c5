/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "net_filter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static const char loopback_reason[] = "loopback, and the issuer is no loopback host";

struct range4 {
	uint32_t network;
	unsigned int bits;
	const char *reason;
};

static const struct range4 refused4[] = {
	{0x00000000, 8, "this host"},
	{0xa9fe0000, 16, "link-local, where instance metadata is served"},
	{0xa83f8110, 32, "a cloud platform's host agent"},
	{0xe0000000, 4, "multicast"},
	{0xf0000000, 4, "reserved"},
};

struct range6 {
	uint8_t network[16];
	unsigned int bits;
	const char *reason;
};

static const struct range6 refused6[] = {
	{{0xfe, 0x80}, 10, "link-local"},
	{{0xff}, 8, "multicast"},
	{{0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}, 128, "instance metadata"},
};

static const struct range6 embeds4[] = {
	{{[10] = 0xff, [11] = 0xff}, 96, "mapped"},
	{{0x00, 0x64, 0xff, 0x9b}, 96, "NAT64"},
};

static bool in_range6(const uint8_t *bytes, const struct range6 *range)
{
	size_t whole = range->bits / 8;
	unsigned int rest = range->bits % 8;
	unsigned int mask = (0xffU << (8 - rest)) & 0xffU;

	if (memcmp(bytes, range->network, whole) != 0)
		return false;
	return rest == 0 || (bytes[whole] & mask) == (range->network[whole] & mask);
}

static const char *refusal4(uint32_t address, bool allow_loopback)
{
	if (address >> 24 == 127)
		return allow_loopback ? NULL : loopback_reason;
	for (size_t i = 0; i < sizeof(refused4) / sizeof(refused4[0]); i++) {
		uint32_t mask = ~(uint32_t)0 << (32 - refused4[i].bits);

		if ((address & mask) == refused4[i].network)
			return refused4[i].reason;
	}
	return NULL;
}

static const char *refusal6(const uint8_t *bytes, bool allow_loopback)
{
	static const struct range6 low = {{0}, 96, "IPv4-compatible or unspecified"};

	for (size_t i = 0; i < sizeof(embeds4) / sizeof(embeds4[0]); i++) {
		uint32_t inner;

		if (!in_range6(bytes, &embeds4[i]))
			continue;
		memcpy(&inner, bytes + 12, sizeof(inner));
		return refusal4(ntohl(inner), allow_loopback);
	}
	if (memcmp(bytes, &in6addr_loopback, 16) == 0)
		return allow_loopback ? NULL : loopback_reason;
	if (in_range6(bytes, &low))
		return low.reason;
	for (size_t i = 0; i < sizeof(refused6) / sizeof(refused6[0]); i++) {
		if (in_range6(bytes, &refused6[i]))
			return refused6[i].reason;
	}
	return NULL;
}

const char *aid_net_refusal(const struct sockaddr *address, bool allow_loopback)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, address, sizeof(in));
		return refusal4(ntohl(in.sin_addr.s_addr), allow_loopback);
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof(in6));
		return refusal6(in6.sin6_addr.s6_addr, allow_loopback);
	}
	return "neither IPv4 nor IPv6";
}

const char *aid_net_instance_refusal(const struct sockaddr *address)
{
	static const uint32_t served[] = {0xa9fea9fe, 0xa9feaa02, 0xa9feaa17};
	struct sockaddr_in in;

	if (address->sa_family != AF_INET)
		return "not where instance metadata is served";
	memcpy(&in, address, sizeof(in));
	for (size_t i = 0; i < sizeof(served) / sizeof(served[0]); i++) {
		if (ntohl(in.sin_addr.s_addr) == served[i])
			return NULL;
	}
	return "not where instance metadata is served";
}
