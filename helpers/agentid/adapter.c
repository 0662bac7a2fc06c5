/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "adapter.h"

#include "names.h"
#include "str.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS 5U

static int take_host(const struct cli *cli, struct adapter *adapter, const char *host)
{
	if (!name_is_host(host))
		return cli_usage(cli, "--host '%s': a host name with an optional port, such as "
			"git.example.com:8443, without a wildcard", host);
	if (adapter->n_hosts == ADAPTER_HOSTS_MAX)
		return cli_usage(cli, "more than %u times --host", ADAPTER_HOSTS_MAX);
	adapter->hosts[adapter->n_hosts++] = host;
	return -1;
}

static int take_option(const struct cli *cli, struct adapter *adapter, int letter, const char *value)
{
	switch (letter) {
	case 'a':
		adapter->audience = value;
		return -1;
	case 'c':
		adapter->credential = value;
		return -1;
	case 'o':
		return take_host(cli, adapter, value);
	default:
		if (!aid_str_is_printable(value))
			return cli_usage(cli, "--username '%s': printable ASCII is allowed", value);
		adapter->username = value;
		return -1;
	}
}

static int take_positional(const struct cli *cli, int argc, char **argv,
	enum adapter_positional positional, struct adapter *adapter)
{
	if (positional == ADAPTER_OPERATION && optind == argc)
		return cli_usage(cli, "an operation is needed, such as get");
	if (argc - optind > 1)
		return cli_usage(cli, "'%s' is one argument too many", argv[optind + 1]);
	if (positional == ADAPTER_OPERATION)
		adapter->operation = argv[optind];
	else if (optind < argc)
		adapter->credential = argv[optind];
	if (!name_is_credential(adapter->credential))
		return cli_usage(cli, "'%s' is no name of a credential", adapter->credential);
	return -1;
}

/* One that the command does not have stays unknown to getopt, which else would take its value. */
static void select_options(const char *letters, struct option *out)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"audience", required_argument, NULL, 'a'},
		{"credential", required_argument, NULL, 'c'},
		{"host", required_argument, NULL, 'o'},
		{"username", required_argument, NULL, 'u'},
	};

	for (size_t i = 0; i < OPTIONS; i++) {
		if (options[i].val == 'h' || strchr(letters, options[i].val) != NULL)
			*out++ = options[i];
	}
	*out = (struct option){0};
}

int adapter_parse(const struct cli *cli, int argc, char **argv, const char *letters,
	enum adapter_positional positional, struct adapter *adapter)
{
	struct option options[OPTIONS + 1];
	int letter;

	select_options(letters, options);
	while ((letter = cli_getopt(argc, argv, ":h", options)) != -1) {
		int status;

		if (letter == 'h' || letter == ':' || letter == '?')
			return cli_other_option(cli, letter, argv);
		status = take_option(cli, adapter, letter, optarg);
		if (status >= 0)
			return status;
	}
	return take_positional(cli, argc, argv, positional, adapter);
}

bool adapter_has_host(const struct adapter *adapter, const char *host)
{
	for (size_t i = 0; i < adapter->n_hosts; i++) {
		if (aid_streq_nocase(adapter->hosts[i], host))
			return true;
	}
	return false;
}

int adapter_read(int fd, char *out, size_t size, size_t *ret_length, struct aid_error *err)
{
	size_t length = 0;

	for (;;) {
		ssize_t got = read(fd, out + length, size - 1 - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return aid_fail_errno(err, AID_E_IO, errno, "reading it");
		if (got == 0)
			break;
		length += (size_t)got;
		if (length == size - 1)
			return aid_fail(err, AID_E_TOOBIG, "it has %zu bytes or more", size - 1);
	}
	out[length] = '\0';
	*ret_length = length;
	return AID_OK;
}
