/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Judges a trust that somebody set up at a cloud or a Vault for one agent: does it let in this agent's
 * tokens and no others? It reads what their tools print, and changes nothing. */
#ifndef AID_POLICY_H
#define AID_POLICY_H

#include "error.h"
#include "json.h"

#include <stdbool.h>
#include <stddef.h>

#define AID_POLICY_FINDINGS_MAX 64U
#define AID_POLICY_PATH_SIZE 192U
#define AID_POLICY_VALUE_SIZE 192U

enum aid_policy_kind {
	AID_POLICY_AWS = 1, /* trust policy of a role */
	AID_POLICY_AZURE,   /* federated credential */
	AID_POLICY_GCP,     /* workload identity provider */
	AID_POLICY_GCP_IAM, /* IAM policy of a service account */
	AID_POLICY_VAULT    /* role of jwt auth */
};

/* Path and value are printable ASCII and cut where they are long; the rest is constant. */
struct aid_policy_finding {
	char path[AID_POLICY_PATH_SIZE];   /* "$.Statement[0].Condition" */
	char value[AID_POLICY_VALUE_SIZE]; /* "" where something is missing */
	const char *why;
	const char *instead;
};

struct aid_policy_findings {
	struct aid_policy_finding items[AID_POLICY_FINDINGS_MAX];
	size_t count;
	bool more; /* there were more than fit */
};

/* The issuers whose tokens may be trusted. With none of them, issuers are not judged. */
struct aid_policy_known {
	const char *const *issuers;
	size_t n_issuers;
};

/* AID_OK also with findings. AID_E_PROTOCOL when the document is none that is known. */
int aid_policy_lint(const struct aid_json *document, const struct aid_policy_known *known,
	enum aid_policy_kind *ret_kind, struct aid_policy_findings *ret_findings, struct aid_error *err)
	AID_WUR;
const char *aid_policy_kind_name(enum aid_policy_kind kind);

/* Whether text may be pinned: printable ASCII without a wildcard, a variable, a quote or a space. Such a
 * text means itself in JSON, in CEL and between single quotes of a shell. */
int aid_policy_check_pin(const char *what, const char *text, struct aid_error *err) AID_WUR;

#endif
