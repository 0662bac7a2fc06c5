/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* aid_certificate_thumbprint() of pkey.h. */
#include "pkey.h"

#include "b64.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

int aid_certificate_thumbprint(const void *pem, size_t length, char out[AID_THUMBPRINT_SIZE],
	struct aid_error *err)
{
	BIO *bio = length > 0 && length <= AID_CERTIFICATE_MAX ? BIO_new_mem_buf(pem, (int)length) : NULL;
	X509 *certificate = NULL;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int digest_length = 0;
	int ok = 0;

	if (bio != NULL)
		certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (certificate != NULL)
		ok = X509_digest(certificate, EVP_sha256(), digest, &digest_length);
	X509_free(certificate);
	BIO_free(bio);
	ERR_clear_error();
	if (ok != 1 || digest_length != AID_SHA256_BYTES)
		return aid_fail(err, AID_E_INVALID, "the client certificate is no PEM certificate of 1 to %u bytes",
			AID_CERTIFICATE_MAX);
	(void)aid_b64_encode(digest, digest_length, out);
	return AID_OK;
}
