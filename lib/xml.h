/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* XML from outside, strictly: UTF-8, no document type and so no entities but the five predefined ones,
 * bounded size, depth and number of elements. xml.c alone knows the XML library. */
#ifndef AID_XML_H
#define AID_XML_H

#include "error.h"
#include "secret.h"

#include <stddef.h>

#define AID_XML_DEPTH_MAX 16U
#define AID_XML_ELEMENTS_MAX 256U
#define AID_XML_PATH_MAX 255U

/* An element whose text is wanted, by the names from the root: "Response/Result/Credentials". */
struct aid_xml_text {
	const char *path;
	size_t max;              /* bytes */
	struct aid_secret *text; /* out, owned by the caller; NULL: there is none, or it is empty */
};

/* One whole document. A wanted element may stand once and hold nothing but text. AID_E_PROTOCOL says
 * what is wrong and in which line, and never quotes the document; AID_E_TOOBIG, AID_E_NOMEM. Nothing is
 * handed out on failure. */
int aid_xml_read(const void *bytes, size_t length, size_t max_bytes, struct aid_xml_text *texts,
	size_t n_texts, struct aid_error *err) AID_WUR;
void aid_xml_texts_done(struct aid_xml_text *texts, size_t n_texts);

#endif
