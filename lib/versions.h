/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Which versions of the protocol this build speaks and which format of agentid:meta it writes. Parts
 * of two builds meet during an upgrade or downgrade; docs/PROTOCOL.md has the rules. The numbers are
 * linked from one object of their own, so that a test can put other ones in its place. */
#ifndef AID_VERSIONS_H
#define AID_VERSIONS_H

#define AID_VERSIONS_TEXT_SIZE 32U

struct aid_versions {
	unsigned int min;
	unsigned int max;
};

extern const struct aid_versions aid_ipc_versions;
/* What is written; every older one is read, and a newer one as far as it allows. */
extern const unsigned int aid_record_format;

/* The greatest version in both ranges; 0: there is none. */
unsigned int aid_versions_common(const struct aid_versions *one, const struct aid_versions *other);
/* "1", or "1 to 3", into out. Returns out. */
const char *aid_versions_text(const struct aid_versions *versions, char out[AID_VERSIONS_TEXT_SIZE]);

#endif
