/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "net_filter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static union address address_of(const char *text)
{
	union address address = {0};

	if (strchr(text, ':') == NULL) {
		address.in.sin_family = AF_INET;
		assert_int_equal(inet_pton(AF_INET, text, &address.in.sin_addr), 1);
	} else {
		address.in6.sin6_family = AF_INET6;
		assert_int_equal(inet_pton(AF_INET6, text, &address.in6.sin6_addr), 1);
	}
	return address;
}

static const char *refusal(const char *text, bool allow_loopback)
{
	union address address = address_of(text);

	return aid_net_refusal(&address.any, allow_loopback);
}

static const char *instance_refusal(const char *text)
{
	union address address = address_of(text);

	return aid_net_instance_refusal(&address.any);
}

static void test_allowed(void **state)
{
	static const char *const allowed[] = {"8.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1",
		"100.64.0.1", "1.0.0.0", "169.253.255.255", "169.255.0.0", "223.255.255.255", "168.63.129.15",
		"2001:db8::1", "fd00::1", "fd00:ec2::253", "fec0::1", "::ffff:10.0.0.1", "64:ff9b::8.8.8.8"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(allowed); i++)
		assert_null(refusal(allowed[i], false));
}

static void test_refused(void **state)
{
	static const char *const refused[] = {"0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1",
		"168.63.129.16", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::",
		"fe80::1", "febf::1", "ff02::1", "fd00:ec2::254", "::ffff:169.254.169.254",
		"::ffff:0.0.0.0", "64:ff9b::169.254.169.254", "::10.0.0.1"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		assert_non_null(refusal(refused[i], false));
		assert_non_null(refusal(refused[i], true));
	}
}

static void test_loopback(void **state)
{
	static const char *const loopback[] = {"127.0.0.1", "127.255.255.255", "::1",
		"::ffff:127.0.0.1", "64:ff9b::127.0.0.1"};
	const struct sockaddr_un local = {.sun_family = AF_UNIX};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(loopback); i++) {
		assert_non_null(refusal(loopback[i], false));
		assert_null(refusal(loopback[i], true));
	}
	assert_non_null(aid_net_refusal((const struct sockaddr *)&local, true));
}

static void test_instance(void **state)
{
	static const char *const served[] = {"169.254.169.254", "169.254.170.2", "169.254.170.23"};
	static const char *const others[] = {"169.254.169.253", "169.254.170.3", "10.0.0.1", "127.0.0.1", "::1",
		"fd00:ec2::254", "::ffff:169.254.169.254"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(served); i++)
		assert_null(instance_refusal(served[i]));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_non_null(instance_refusal(others[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_instance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
