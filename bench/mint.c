/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* bench-mint: what stands behind the token endpoint of the benchmarks. Makes one RSA key, then
 * writes for every realm a discovery document, a key set and a token response into DIR, and signs
 * the tokens anew each second until it is ended, so that the web server only sends files. */
#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#define TEXT_MAX 8192U
#define REALMS_MAX 8

struct mint {
	const char *directory, *url, *subject, *audience, *client;
	int64_t token_bytes;
	EVP_PKEY *key;
};

struct realm {
	const char *name;
	int64_t lifetime_s;
};

static void base64url(const unsigned char *bytes, size_t length, char *out)
{
	size_t n = (size_t)EVP_EncodeBlock((unsigned char *)out, bytes, (int)length);

	while (n > 0 && out[n - 1] == '=')
		n--;
	out[n] = '\0';
	for (char *c = out; *c != '\0'; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
}

static void key_number(const EVP_PKEY *key, const char *name, char *out)
{
	unsigned char bytes[512];
	BIGNUM *number = NULL;
	int n;

	if (EVP_PKEY_get_bn_param(key, name, &number) != 1)
		bench_die("RSA parameter %s", name);
	n = BN_bn2bin(number, bytes);
	base64url(bytes, (size_t)n, out);
	BN_free(number);
}

static void put_file(const struct mint *mint, const char *realm, const char *name, const char *text)
{
	char path[512], scratch[528];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s/%s", mint->directory, realm, name);
	(void)snprintf(scratch, sizeof(scratch), "%s.new", path);
	file = fopen(scratch, "w");
	if (file == NULL || fputs(text, file) == EOF || fclose(file) != 0)
		bench_die("%s: %s", scratch, strerror(errno));
	if (rename(scratch, path) != 0)
		bench_die("%s: %s", path, strerror(errno));
}

static void make_directories(const struct mint *mint, const char *realm)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", mint->directory, realm);
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		bench_die("%s: %s", path, strerror(errno));
	(void)snprintf(path, sizeof(path), "%s/%s/.well-known", mint->directory, realm);
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		bench_die("%s: %s", path, strerror(errno));
}

static void write_metadata(const struct mint *mint, const char *realm)
{
	char text[TEXT_MAX], n[1024], e[16];

	make_directories(mint, realm);
	(void)snprintf(text, sizeof(text),
		"{\"issuer\":\"%s/%s\",\"token_endpoint\":\"%s/%s/token\",\"jwks_uri\":\"%s/%s/jwks.json\","
		"\"token_endpoint_auth_methods_supported\":[\"client_secret_basic\",\"client_secret_post\"],"
		"\"grant_types_supported\":[\"client_credentials\"],\"response_types_supported\":[\"token\"],"
		"\"subject_types_supported\":[\"public\"],"
		"\"id_token_signing_alg_values_supported\":[\"RS256\"]}\n",
		mint->url, realm, mint->url, realm, mint->url, realm);
	put_file(mint, realm, ".well-known/openid-configuration", text);
	key_number(mint->key, OSSL_PKEY_PARAM_RSA_N, n);
	key_number(mint->key, OSSL_PKEY_PARAM_RSA_E, e);
	(void)snprintf(text, sizeof(text),
		"{\"keys\":[{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":\"bench\","
		"\"n\":\"%s\",\"e\":\"%s\"}]}\n",
		n, e);
	put_file(mint, realm, "jwks.json", text);
}

static void sign(const struct mint *mint, const char *input, char *out)
{
	unsigned char signature[512];
	size_t length = sizeof(signature);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context == NULL ||
		EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, mint->key) != 1 ||
		EVP_DigestSign(context, signature, &length, (const unsigned char *)input,
			strlen(input)) != 1)
		bench_die("RS256 signature");
	EVP_MD_CTX_free(context);
	base64url(signature, length, out);
}

static char *print_claims(const struct mint *mint, const struct realm *realm, const char *jti,
	int64_t padding)
{
	long long now = (long long)time(NULL);
	char *claims = NULL;

	if (asprintf(&claims,
		    "{\"iss\":\"%s/%s\",\"sub\":\"%s\",\"aud\":\"%s\",\"azp\":\"%s\",\"iat\":%lld,"
		    "\"exp\":%lld,\"jti\":\"%s\",\"roles\":\"%0*d\"}",
		    mint->url, realm->name, mint->subject, mint->audience, mint->client, now,
		    now + (long long)realm->lifetime_s, jti, (int)padding, 0) < 0)
		bench_die("out of memory");
	return claims;
}

static char *make_token(const struct mint *mint, const char *claims)
{
	static const char header[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"bench\"}";
	char head[128], payload[TEXT_MAX], signature[1024];
	char *input = NULL, *token = NULL;

	if (strlen(claims) > TEXT_MAX / 2)
		bench_die("claims over %u bytes", TEXT_MAX / 2);
	base64url((const unsigned char *)header, sizeof(header) - 1, head);
	base64url((const unsigned char *)claims, strlen(claims), payload);
	if (asprintf(&input, "%s.%s", head, payload) < 0)
		bench_die("out of memory");
	sign(mint, input, signature);
	if (asprintf(&token, "%s.%s", input, signature) < 0)
		bench_die("out of memory");
	free(input);
	return token;
}

/* The claim "roles" makes up for what the token lacks in length. */
static void write_token(const struct mint *mint, const struct realm *realm)
{
	unsigned char random[16];
	char jti[33] = "", *claims, *token, *text = NULL;
	int64_t missing;

	if (RAND_bytes(random, sizeof(random)) != 1)
		bench_die("no random bytes");
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(jti + 2 * i, 3, "%02x", random[i]);
	claims = print_claims(mint, realm, jti, 1);
	token = make_token(mint, claims);
	missing = (mint->token_bytes - (int64_t)strlen(token)) * 3 / 4;
	free(claims);
	free(token);
	claims = print_claims(mint, realm, jti, missing > 0 ? missing + 1 : 1);
	token = make_token(mint, claims);
	if (asprintf(&text,
		    "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%lld}\n", token,
		    (long long)realm->lifetime_s) < 0)
		bench_die("out of memory");
	put_file(mint, realm->name, "token.json", text);
	free(claims);
	free(token);
	free(text);
}

static int read_options(int argc, char **argv, struct mint *mint)
{
	static const struct option longs[] = {
		{"directory", required_argument, NULL, 'd'},
		{"url", required_argument, NULL, 'u'},
		{"subject", required_argument, NULL, 's'},
		{"audience", required_argument, NULL, 'a'},
		{"client", required_argument, NULL, 'c'},
		{"token-bytes", required_argument, NULL, 'b'},
		{0},
	};

	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;)
		switch (c) {
		case 'd':
			mint->directory = optarg;
			break;
		case 'u':
			mint->url = optarg;
			break;
		case 's':
			mint->subject = optarg;
			break;
		case 'a':
			mint->audience = optarg;
			break;
		case 'c':
			mint->client = optarg;
			break;
		case 'b':
			mint->token_bytes = bench_number(optarg, 0);
			break;
		default:
			bench_die("usage: bench-mint OPTIONS REALM:LIFETIME_S ...");
		}
	if (mint->directory == NULL || mint->url == NULL)
		bench_die("--directory and --url are needed");
	return optind;
}

int main(int argc, char **argv)
{
	struct mint mint = {.subject = "agent:bench", .audience = "bench-api", .client = "bench"};
	struct realm realms[REALMS_MAX];
	int first = read_options(argc, argv, &mint);
	int n = argc - first;
	pid_t parent = getppid();

	if (n < 1 || n > REALMS_MAX)
		bench_die("one to %d realms", REALMS_MAX);
	mint.key = EVP_RSA_gen(2048);
	if (mint.key == NULL)
		bench_die("no RSA key");
	for (int i = 0; i < n; i++) {
		char *lifetime = strchr(argv[first + i], ':');

		if (lifetime == NULL)
			bench_die("a realm is NAME:LIFETIME_S, not '%s'", argv[first + i]);
		*lifetime = '\0';
		realms[i] = (struct realm){argv[first + i], bench_number(lifetime + 1, 1)};
		write_metadata(&mint, realms[i].name);
	}
	while (getppid() == parent) {
		for (int i = 0; i < n; i++)
			write_token(&mint, &realms[i]);
		put_file(&mint, realms[0].name, "ready", "");
		bench_sleep_us(1000000);
	}
	return 0;
}
