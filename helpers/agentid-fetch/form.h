/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What is sent to the provider: the form of a token request or of a revocation, and who we are. */
#ifndef FORM_H
#define FORM_H

#include "fetch.h"
#include "request.h"

/* With room for what form_authenticate() adds. */
int form_make(const struct request *request, struct aid_secret **ret_form, struct aid_error *err)
	AID_WUR;
/* *ret_authorization is left alone by methods that need no header line. AID_E_CREDENTIAL. */
int form_authenticate(struct fetch *fetch, const struct request *request, const char *endpoint,
	struct aid_secret *form, struct aid_secret **ret_authorization, struct aid_error *err) AID_WUR;

#endif
