/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "rotation.h"

#include <stddef.h>

static void end(struct aid_rotation *r, enum aid_rotation_result result)
{
	r->step = AID_ROTATION_END;
	r->result = result;
}

static void fail(struct aid_rotation *r, enum aid_rotation_failure failure)
{
	r->failure = failure;
	end(r, AID_ROTATION_FAILED);
}

void aid_rotation_init(struct aid_rotation *rotation, const struct aid_rotation_order *order)
{
	*rotation = (struct aid_rotation){.order = *order, .step = AID_ROTATION_READ};
}

static int64_t due_ms(const struct aid_rotation *r)
{
	return r->order.every_ms > 0 ? r->view.rotated_ms + r->order.every_ms : 0;
}

/* A time that lies further ahead than it can was written under another clock. */
static bool is_due(const struct aid_rotation *r)
{
	const struct aid_rotation_view *view = &r->view;

	if (r->order.every_ms == 0)
		return false;
	return view->now_ms >= due_ms(r) || view->rotated_ms > view->now_ms + r->order.every_ms;
}

static bool lease_is_over(const struct aid_rotation *r)
{
	const struct aid_rotation_view *view = &r->view;

	return view->now_ms >= view->staged_ms + r->order.lease_ms ||
		view->staged_ms > view->now_ms + r->order.lease_ms;
}

/* One that was staged is used by whoever gets to it: a second one might replace it after the provider
 * has learned it. */
static void use_pending(struct aid_rotation *r)
{
	r->took = true;
	if (r->view.pending_is_ours || lease_is_over(r))
		r->step = AID_ROTATION_TAKE;
	else
		end(r, AID_ROTATION_ELSEWHERE);
}

void aid_rotation_read(struct aid_rotation *rotation, const struct aid_rotation_view *view)
{
	struct aid_rotation *r = rotation;

	r->view = *view;
	r->took = r->adopted = r->was_set = false;
	if (++r->reads > AID_ROTATION_READS_MAX)
		fail(r, AID_ROTATION_BY_MANAGER);
	else if (r->order.dry_run || (r->order.mend && !view->pending))
		r->step = AID_ROTATION_PROVE_CURRENT;
	else if (view->pending)
		use_pending(r);
	else if (r->order.force || is_due(r))
		r->step = AID_ROTATION_STAGE;
	else
		end(r, AID_ROTATION_NOT_DUE);
}

/* The manager has changed under us: by another host, which is seen when it is read again, or by hand;
 * then what the provider has been told may stand nowhere any more. */
static void read_again(struct aid_rotation *r)
{
	r->order.mend = r->order.mend || r->was_set;
	r->step = AID_ROTATION_READ;
}

static void proved(struct aid_rotation *r, enum aid_rotation_outcome outcome)
{
	if (outcome == AID_ROTATION_WAS_OK)
		r->step = AID_ROTATION_PROMOTE;
	else if (r->was_set || r->adopted)
		fail(r, AID_ROTATION_BY_PROVIDER);
	else
		r->step = AID_ROTATION_SET;
}

static void proved_current(struct aid_rotation *r, enum aid_rotation_outcome outcome)
{
	if (r->order.dry_run || outcome == AID_ROTATION_WAS_REFUSED)
		r->step = AID_ROTATION_LOOK;
	else
		end(r, AID_ROTATION_SOUND);
}

static void looked(struct aid_rotation *r, enum aid_rotation_outcome outcome)
{
	if (r->order.dry_run)
		end(r, AID_ROTATION_PLANNED);
	else if (outcome == AID_ROTATION_WAS_OK)
		fail(r, AID_ROTATION_BY_PROVIDER);
	else
		r->step = AID_ROTATION_ADOPT;
}

static void promoted(struct aid_rotation *r)
{
	r->view.rotated_ms = r->view.now_ms;
	r->step = AID_ROTATION_FORGET;
}

static enum aid_rotation_result result_of(const struct aid_rotation *r)
{
	if (r->adopted)
		return AID_ROTATION_MENDED;
	return r->took ? AID_ROTATION_FINISHED : AID_ROTATION_ROTATED;
}

static void was_set(struct aid_rotation *r, enum aid_rotation_outcome outcome)
{
	r->was_set = true;
	r->step = outcome == AID_ROTATION_WAS_OTHER ? AID_ROTATION_ADOPT : AID_ROTATION_PROVE;
}

static void adopted(struct aid_rotation *r)
{
	r->adopted = true;
	r->step = AID_ROTATION_PROVE;
}

void aid_rotation_ended(struct aid_rotation *rotation, enum aid_rotation_outcome outcome)
{
	struct aid_rotation *r = rotation;

	if (outcome == AID_ROTATION_WAS_FAILURE) {
		fail(r, AID_ROTATION_BY_STEP);
		return;
	}
	if (outcome == AID_ROTATION_WAS_LOST) {
		read_again(r);
		return;
	}
	switch (r->step) {
	case AID_ROTATION_PROVE_CURRENT:
		proved_current(r, outcome);
		break;
	case AID_ROTATION_LOOK:
		looked(r, outcome);
		break;
	case AID_ROTATION_STAGE:
		r->step = AID_ROTATION_SET;
		break;
	case AID_ROTATION_ADOPT:
		adopted(r);
		break;
	case AID_ROTATION_TAKE:
		r->step = AID_ROTATION_PROVE;
		break;
	case AID_ROTATION_SET:
		was_set(r, outcome);
		break;
	case AID_ROTATION_PROVE:
		proved(r, outcome);
		break;
	case AID_ROTATION_PROMOTE:
		promoted(r);
		break;
	case AID_ROTATION_FORGET:
		end(r, result_of(r));
		break;
	case AID_ROTATION_READ:
	case AID_ROTATION_END:
		break;
	}
}

int64_t aid_rotation_next_ms(const struct aid_rotation *rotation)
{
	if (rotation->result == AID_ROTATION_ELSEWHERE)
		return rotation->view.staged_ms + rotation->order.lease_ms;
	return due_ms(rotation);
}

const char *aid_rotation_step_name(enum aid_rotation_step step)
{
	static const char *const names[] = {[AID_ROTATION_READ] = "read",
		[AID_ROTATION_PROVE_CURRENT] = "prove-current", [AID_ROTATION_LOOK] = "look",
		[AID_ROTATION_STAGE] = "stage", [AID_ROTATION_ADOPT] = "adopt",
		[AID_ROTATION_TAKE] = "take", [AID_ROTATION_SET] = "set",
		[AID_ROTATION_PROVE] = "prove", [AID_ROTATION_PROMOTE] = "promote",
		[AID_ROTATION_FORGET] = "forget", [AID_ROTATION_END] = "end"};

	return step < AID_ROTATION_READ || step > AID_ROTATION_END ? "?" : names[step];
}

const char *aid_rotation_result_name(enum aid_rotation_result result)
{
	static const char *const names[] = {[AID_ROTATION_NOT_DUE] = "not-due",
		[AID_ROTATION_ELSEWHERE] = "elsewhere", [AID_ROTATION_SOUND] = "sound",
		[AID_ROTATION_PLANNED] = "planned", [AID_ROTATION_ROTATED] = "rotated",
		[AID_ROTATION_FINISHED] = "finished", [AID_ROTATION_MENDED] = "mended",
		[AID_ROTATION_FAILED] = "failed"};

	return result < AID_ROTATION_NOT_DUE || result > AID_ROTATION_FAILED ? "?" : names[result];
}
