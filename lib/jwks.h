/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* When a fetched document (key set or metadata) is fresh, when it is still better than none, and when
 * it may be asked for again. Pure: times are passed in, boot clock, milliseconds. */
#ifndef AID_JWKS_H
#define AID_JWKS_H

#include "error.h"

#include <stdint.h>

#define AID_CACHE_MIN_MS (300 * INT64_C(1000))
#define AID_CACHE_MAX_MS (86400 * INT64_C(1000))
#define AID_CACHE_STALE_MS (86400 * INT64_C(1000))  /* used that long after a refresh failed */
#define AID_CACHE_RETRY_MS (30 * INT64_C(1000))     /* between refreshes that fail */
#define AID_JWKS_FORCE_MS (300 * INT64_C(1000))     /* between fetches for an unknown kid */
#define AID_JWKS_SHOWN_MS (5 * INT64_C(1000))       /* the same for tokens that others show */

struct aid_cache_age {
	bool filled;
	int64_t fetched_ms;
	int64_t fresh_ms;   /* how long it is fresh */
	int64_t failed_ms;  /* the last failed refresh; 0: none since fetched_ms */
	int64_t forced_ms;  /* the last forced one; 0: never */
	int64_t shown_ms;   /* the same for tokens that others show */
};

/* max_age_s as the provider said it, -1 when it did not: five minutes then. */
void aid_cache_filled(struct aid_cache_age *age, int64_t max_age_s, int64_t now_ms);
void aid_cache_failed(struct aid_cache_age *age, int64_t now_ms);
/* May be used without asking: fresh, or stale while a refresh has just failed. */
bool aid_cache_is_usable(const struct aid_cache_age *age, int64_t now_ms);
/* May be used although asking failed. */
bool aid_cache_is_bearable(const struct aid_cache_age *age, int64_t now_ms);
/* A token names an unknown key: true, and noted, if the set may be fetched again for that. A set
 * that was fetched for the same token already is not. */
bool aid_cache_force(struct aid_cache_age *age, int64_t now_ms);
/* The same for a token that somebody else shows. Its own allowance: made-up kids must not use up the
 * one of our own tokens. */
bool aid_cache_force_shown(struct aid_cache_age *age, int64_t now_ms);

#endif
