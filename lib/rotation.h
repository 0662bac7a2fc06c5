/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The rotation of a client secret as a machine: from what the secrets manager says and how each step
 * ended to the step that is next. No network, no clock, no chance, and no secrets: who drives it
 * (helpers/agentid-fetch/rotate.c) holds those. It keeps nothing between two rotations: the manager is
 * the only state, and a rotation that ended anywhere is found there and finished by the next.
 *
 * The manager has beside the current secret a pending one, written first, by compare-and-set, with the
 * name of who staged it: that is the lease. So from before the provider learns a secret until after it
 * is the current one, everybody who reads the manager finds it. */
#ifndef AID_ROTATION_H
#define AID_ROTATION_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

#define AID_ROTATION_READS_MAX 4U

enum aid_rotation_step {
	AID_ROTATION_READ = 1,      /* what the manager has: answered by aid_rotation_read() */
	AID_ROTATION_PROVE_CURRENT, /* a token request with the current secret */
	AID_ROTATION_LOOK,          /* the secret that the provider has: same as the current one? */
	AID_ROTATION_STAGE,         /* a new secret as the pending one, if the manager has what was read */
	AID_ROTATION_ADOPT,         /* the provider's own as the pending one, in the same way */
	AID_ROTATION_TAKE,          /* our name on the pending one that is there, in the same way */
	AID_ROTATION_SET,           /* the pending one at the provider */
	AID_ROTATION_PROVE,         /* a token request with the pending secret */
	AID_ROTATION_PROMOTE,       /* the pending one is the current one, in the same way as STAGE */
	AID_ROTATION_FORGET,        /* what is left of the old one where that is not gone by itself */
	AID_ROTATION_END
};

enum aid_rotation_outcome {
	AID_ROTATION_WAS_OK = 1,
	AID_ROTATION_WAS_LOST,    /* STAGE ADOPT TAKE PROMOTE: somebody else wrote since the reading */
	AID_ROTATION_WAS_REFUSED, /* PROVE PROVE_CURRENT: the provider does not take this secret */
	AID_ROTATION_WAS_OTHER,   /* LOOK: another than the current one; SET: the provider made its own */
	AID_ROTATION_WAS_FAILURE  /* why is the driver's to say */
};

enum aid_rotation_result {
	AID_ROTATION_NOT_DUE = 1,
	AID_ROTATION_ELSEWHERE,  /* somebody else has the lease */
	AID_ROTATION_SOUND,      /* asked to mend: nothing is wrong */
	AID_ROTATION_PLANNED,    /* a dry run */
	AID_ROTATION_ROTATED,
	AID_ROTATION_FINISHED,   /* one that was left half done */
	AID_ROTATION_MENDED,     /* manager and provider had different secrets */
	AID_ROTATION_FAILED      /* the step before, or one of these: */
};

enum aid_rotation_failure {
	AID_ROTATION_BY_STEP = 1,    /* the driver knows */
	AID_ROTATION_BY_PROVIDER,    /* it refuses a secret that it says it has */
	AID_ROTATION_BY_MANAGER      /* it has something else each time it is read */
};

/* What is wanted. */
struct aid_rotation_order {
	int64_t every_ms; /* 0: only when forced */
	int64_t lease_ms;
	bool force;       /* also when it is not due */
	bool mend;        /* the current secret is refused, it seems: find out, and put it right */
	bool dry_run;     /* nothing is written, neither here nor there */
};

/* What the manager has, in its own time. */
struct aid_rotation_view {
	int64_t now_ms;
	int64_t rotated_ms;  /* 0: it does not say */
	bool pending;
	bool pending_is_ours; /* this host staged it, or took it over */
	int64_t staged_ms;   /* 0: it does not say */
};

struct aid_rotation {
	struct aid_rotation_order order;
	enum aid_rotation_step step; /* that is due */
	enum aid_rotation_result result;
	enum aid_rotation_failure failure;
	struct aid_rotation_view view;
	unsigned int reads;
	bool took;      /* the pending one was there before */
	bool adopted;   /* the pending one is the provider's own */
	bool was_set;   /* this time */
};

void aid_rotation_init(struct aid_rotation *rotation, const struct aid_rotation_order *order);
/* READ ended well. */
void aid_rotation_read(struct aid_rotation *rotation, const struct aid_rotation_view *view);
/* The step that was due, other than READ, ended; READ too with WAS_FAILURE. */
void aid_rotation_ended(struct aid_rotation *rotation, enum aid_rotation_outcome outcome);

/* In the manager's time when it is worth asking again: the rotation that is due next, or the end of
 * somebody else's lease. 0: never. Of one that ended. */
int64_t aid_rotation_next_ms(const struct aid_rotation *rotation);

/* "stage", "prove"; for people and logs. */
const char *aid_rotation_step_name(enum aid_rotation_step step);
const char *aid_rotation_result_name(enum aid_rotation_result result);

#endif
