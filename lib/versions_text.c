/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What can be said of two ranges of versions: see versions.h. */
#include "versions.h"

#include <stdio.h>

unsigned int aid_versions_common(const struct aid_versions *one, const struct aid_versions *other)
{
	unsigned int max = one->max < other->max ? one->max : other->max;

	return max >= one->min && max >= other->min ? max : 0;
}

const char *aid_versions_text(const struct aid_versions *versions, char out[AID_VERSIONS_TEXT_SIZE])
{
	if (versions->min == versions->max)
		(void)snprintf(out, AID_VERSIONS_TEXT_SIZE, "%u", versions->max);
	else
		(void)snprintf(out, AID_VERSIONS_TEXT_SIZE, "%u to %u", versions->min, versions->max);
	return out;
}
