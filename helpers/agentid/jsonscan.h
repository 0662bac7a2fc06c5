/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Looks into JSON (RFC 8259) that other programs hand to the adapters, which load no JSON library because
 * they are started for every request. It only finds plain strings; what decides about trust is parsed
 * by lib/json.h. */
#ifndef AID_JSONSCAN_H
#define AID_JSONSCAN_H

#include "error.h"

#include <stddef.h>

#define JSONSCAN_DEPTH_MAX 32U
#define JSONSCAN_TEXT_MAX 255U

/* Called for a member whose name and value are strings of at most JSONSCAN_TEXT_MAX printable ASCII
 * characters without escapes; others are passed over. */
typedef void (*jsonscan_visit)(void *context, const char *name, const char *value);

/* Visits the members of the document, which is an object, or of the object that stands in it under the
 * name within (NULL: the document's own). AID_E_PROTOCOL when it is no JSON object. */
int jsonscan_members(const char *text, size_t length, const char *within, jsonscan_visit visit,
	void *context) AID_WUR;
/* One such value of the document into out; AID_E_NOTFOUND without it, AID_E_TOOBIG. */
int jsonscan_text(const char *text, size_t length, const char *name, char *out, size_t size) AID_WUR;
/* Where a string of the document stands between its quotes, of any length and with its escapes: for one
 * that is copied into another document. AID_E_NOTFOUND without it. */
int jsonscan_raw(const char *text, size_t length, const char *name, const char **ret_raw, size_t *ret_length) AID_WUR;

#endif
