/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Whatever a policy says, what is said about it is printable and in bounds. */
#include "fuzz.h"

#include "policy.h"

#include <string.h>

#define CAP 65536

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const char *const issuers[] = {"https://id.example.com/host01"};
	static const struct aid_policy_known known = {issuers, 1};
	static struct aid_policy_findings findings;
	AID_AUTO(aid_json) *json = NULL;
	enum aid_policy_kind kind;

	if (aid_json_parse(bytes, length, CAP, &json, NULL) != AID_OK ||
		aid_policy_lint(json, &known, &kind, &findings, NULL) != AID_OK)
		return 0;
	fuzz_assert(findings.count <= AID_POLICY_FINDINGS_MAX);
	for (size_t i = 0; i < findings.count; i++) {
		const struct aid_policy_finding *finding = &findings.items[i];

		fuzz_assert(finding->path[0] == '$' && strlen(finding->path) < sizeof(finding->path));
		for (const char *p = finding->value; *p != '\0'; p++)
			fuzz_assert(*p >= 0x20 && *p <= 0x7e);
		fuzz_assert(finding->why[0] != '\0' && finding->instead[0] != '\0');
	}
	return 0;
}
