/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Which addresses a provider's name may resolve to. Private ranges are normal for providers and are
 * allowed; what serves instance credentials, and the host itself, are not. */
#ifndef AID_NET_FILTER_H
#define AID_NET_FILTER_H

#include <stdbool.h>
#include <sys/socket.h>

/* NULL when a connection may be made, else the reason why not. IPv4 addresses within IPv6 ones
 * (mapped, NAT64) are judged as IPv4. */
const char *aid_net_refusal(const struct sockaddr *address, bool allow_loopback);
/* The same where instance credentials are wanted: only the addresses that serve those. */
const char *aid_net_instance_refusal(const struct sockaddr *address);

#endif
