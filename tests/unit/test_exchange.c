/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What is asked of AWS, Entra, Google and Vault, byte by byte, and what their documented answers mean. */
#include "unit.h"

#include "exchange.h"
#include "str.h"

#define NOW INT64_C(1767323045000) /* 2026-01-02T03:04:05Z */
#define ROLE "arn:aws:iam::123456789012:role/Reports"
#define GUID "0f3c2f3e-1111-4222-8333-0123456789ab"
#define PROVIDER "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/host"
#define SA "a@p.iam.gserviceaccount.com"
#define ASSERTION "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"

/* One exchange in the making, as credential.c of agentid-fetch sets it up. */
struct bench {
	struct aid_target_values options;
	struct aid_secret *assertion;
	struct aid_secret *previous;
	struct aid_exchange x;
	struct aid_exchange_call call;
	struct aid_exchange_result result;
	bool more;
	struct aid_error err;
};

static void begin(struct bench *b, const char *type, const char *packed, size_t length)
{
	*b = (struct bench){.err = AID_ERROR_INIT};
	aid_target_values_init(&b->options, aid_target_by_name(type));
	assert_ok(aid_target_unpack(&b->options, packed, length, 3600000, &b->err), &b->err);
	b->assertion = aid_secret_from(ASSERTION, sizeof(ASSERTION) - 1);
	b->x = (struct aid_exchange){.options = &b->options, .name = "c", .assertion = b->assertion,
		.session_name = "my-agent.0123456789abcdef"};
}
#define BEGIN(b, type, packed) begin((b), (type), (packed), sizeof(packed) - 1)

static void end(struct bench *b)
{
	aid_secret_free(b->result.payload);
	aid_exchange_call_done(&b->call);
	aid_exchange_done(&b->x);
	aid_target_values_done(&b->options);
	aid_secret_free(b->assertion);
	aid_secret_free(b->previous);
}

static void make_call(struct bench *b)
{
	aid_exchange_call_done(&b->call);
	assert_ok(aid_exchange_call(&b->x, &b->call, &b->err), &b->err);
}

static int answer(struct bench *b, int status, const char *body)
{
	AID_AUTO(aid_secret) *bytes = body != NULL ? aid_secret_from(body, strlen(body)) : NULL;
	const struct aid_exchange_answer seen = {.status = status, .body = bytes, .host = "h",
		.retry_after_s = -1, .asked_wall_ms = NOW};

	b->err = AID_ERROR_INIT;
	return aid_exchange_answer(&b->x, &seen, &b->result, &b->more, &b->err);
}

#define AWS "role_arn=" ROLE "\0region=eu-west-1\0"
#define AWS_ANSWER(id, expires)                                                                    \
	"<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"  \
	"<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>" id "</AccessKeyId>"          \
	"<SecretAccessKey>wJalr/XUt+n</SecretAccessKey><SessionToken>FwoG/+=</SessionToken>"       \
	"<Expiration>" expires "</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"     \
	"<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"                           \
	"</AssumeRoleWithWebIdentityResponse>"

static void test_aws_call(void **state)
{
	struct bench b;

	(void)state;
	BEGIN(&b, "aws-sts", AWS "session_policy={\"Statement\":[]}\0duration=20m\0"
		"policy_arns=arn:aws:iam::aws:policy/A1, arn:aws:iam::aws:policy/A2\0");
	assert_ok(aid_exchange_check(&b.x, &b.err), &b.err);
	make_call(&b);
	assert_string_equal(b.call.url, "https://sts.eu-west-1.amazonaws.com/");
	assert_string_equal(b.call.accept, "text/xml");
	assert_string_equal(aid_secret_peek(b.call.body),
		"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&"
		"RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2FReports&"
		"RoleSessionName=my-agent.0123456789abcdef&WebIdentityToken=" ASSERTION
		"&DurationSeconds=1200&Policy=%7B%22Statement%22%3A%5B%5D%7D&"
		"PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FA1&"
		"PolicyArns.member.2.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FA2");
	assert_null(b.call.headers[0]);
	end(&b);
	BEGIN(&b, "aws-sts", "role_arn=arn:aws-cn:iam::123456789012:role/R\0region=cn-north-1\0");
	make_call(&b);
	assert_string_equal(b.call.url, "https://sts.cn-north-1.amazonaws.com.cn/");
	end(&b);
	BEGIN(&b, "aws-sts", AWS "endpoint=http://127.0.0.1:1\0");
	make_call(&b);
	assert_string_equal(b.call.url, "http://127.0.0.1:1/");
	end(&b);
}

static void test_aws_session_name(void **state)
{
	static const struct {
		const char *wanted;
		const char *sent;
	} rows[] = {
		{"a", "a-"},
		{"", "--"},
		{"a b/c", "a-b-c"},
		{"agent-0123456789-0123456789-0123456789-0123456789-0123456789-01.0123456789abcdef",
			"agent-0123456789-0123456789-0123456789-01234567.0123456789abcdef"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bench b;
		const char *at;

		BEGIN(&b, "aws-sts", AWS);
		b.x.session_name = rows[i].wanted;
		make_call(&b);
		at = strstr(aid_secret_peek(b.call.body), "RoleSessionName=") + strlen("RoleSessionName=");
		assert_int_equal(strcspn(at, "&"), strlen(rows[i].sent));
		assert_memory_equal(at, rows[i].sent, strlen(rows[i].sent));
		end(&b);
	}
}

static void test_aws_answer(void **state)
{
	struct bench b;

	(void)state;
	BEGIN(&b, "aws-sts", AWS);
	assert_ok(answer(&b, 200, AWS_ANSWER("ASIA1", "2026-01-02T03:19:05.5Z")), &b.err);
	assert_false(b.more);
	assert_string_equal(aid_secret_peek(b.result.payload),
		"{\"Version\":1,\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"wJalr/XUt+n\","
		"\"SessionToken\":\"FwoG/+=\",\"Expiration\":\"2026-01-02T03:19:05Z\","
		"\"AccountId\":\"123456789012\"}");
	assert_int_equal(b.result.expires_wall_ms, NOW + 900500);
	assert_string_equal(b.result.id, "ASIA1");
	end(&b);
}

struct refusal {
	int http_status;
	const char *body;
	int status;
	const char *sentence;
};

static void check_refusals(const char *type, const char *packed, size_t length,
	const struct refusal *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct bench b;

		begin(&b, type, packed, length);
		assert_failed(answer(&b, rows[i].http_status, rows[i].body), rows[i].status, &b.err,
			rows[i].sentence);
		assert_null(b.result.payload);
		assert_null(strstr(b.err.text, "eyJ"));
		end(&b);
	}
}
#define REFUSALS(type, packed, rows) \
	check_refusals((type), (packed), sizeof(packed) - 1, (rows), COUNT_OF(rows))

#define AWS_ERROR(code, message)                                                                   \
	"<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>" \
	"<Code>" code "</Code><Message>" message "</Message></Error><RequestId>r</RequestId></ErrorResponse>"

static void test_aws_refusals(void **state)
{
	static const struct refusal rows[] = {
		{400, AWS_ERROR("ExpiredTokenException", "Token expired"), AID_E_EXPIRED,
			"host 'h': HTTP 400 ExpiredTokenException (Token expired)"},
		{400, AWS_ERROR("IDPCommunicationError", "x"), AID_E_UNREACHABLE, "IDPCommunicationError"},
		{403, AWS_ERROR("AccessDenied", "Not authorized"), AID_E_DENIED, "HTTP 403 AccessDenied"},
		{403, AWS_ERROR("IDPRejectedClaim", "x"), AID_E_DENIED, "IDPRejectedClaim"},
		{400, AWS_ERROR("InvalidIdentityToken", "No provider"), AID_E_DENIED, "(No provider)"},
		{400, AWS_ERROR("MalformedPolicyDocument", "x"), AID_E_CONFIG, "MalformedPolicyDocument"},
		{400, AWS_ERROR("PackedPolicyTooLarge", "x"), AID_E_CONFIG, "PackedPolicyTooLarge"},
		{403, AWS_ERROR("RegionDisabledException", "x"), AID_E_CONFIG, "RegionDisabled"},
		{400, AWS_ERROR("Throttling", "Rate exceeded"), AID_E_BUSY, "Throttling"},
		{503, AWS_ERROR("ServiceUnavailable", "x"), AID_E_BUSY, "HTTP 503"},
		{500, AWS_ERROR("InternalFailure", "x"), AID_E_UNREACHABLE, "HTTP 500"},
		{400, AWS_ERROR("NewCode", "a\nb"), AID_E_PROTOCOL, "HTTP 400 NewCode (a b)"},
		{400, AWS_ERROR("AccessDenied", ASSERTION), AID_E_DENIED, "(left out: it repeats a secret)"},
		{400, AWS_ERROR("AccessDenied", "part eyJzdWIiOiJhIn0 of it"), AID_E_DENIED, "(left out"},
		{502, "<html>", AID_E_UNREACHABLE, "host 'h': HTTP 502"},
		{403, NULL, AID_E_DENIED, "host 'h': HTTP 403"},
		{200, NULL, AID_E_PROTOCOL, "empty answer"},
		{200, "{\"AssumeRoleWithWebIdentityResponse\":{}}", AID_E_PROTOCOL, "host 'h': XML: not well-formed"},
		{200, "<x/>", AID_E_PROTOCOL, "no AccessKeyId in the answer"},
		{200, AWS_ANSWER("AS\"IA", "2026-01-02T03:19:05Z"), AID_E_PROTOCOL, "AccessKeyId has a character"},
		{200, AWS_ANSWER("AS.IA", "2026-01-02T03:19:05Z"), AID_E_PROTOCOL, "AccessKeyId has a character"},
		{200, AWS_ANSWER("ASIA1", "1767323045"), AID_E_PROTOCOL, "Expiration is no UTC time"},
		{200, AWS_ANSWER("ASIA1", "2026-01-02T03:04:05Z"), AID_E_EXPIRED, "has expired already"},
		{200, AWS_ANSWER("ASIA1", "2026-01-02T04:04:36Z"), AID_E_DENIED,
			"credential lifetime 3631 s exceeds max_lifetime 3600 s: let host 'h' give a shorter one or "
			"raise [credential c] max_lifetime"},
	};
	struct bench b;

	(void)state;
	REFUSALS("aws-sts", AWS, rows);
	/* A little later than the limit is what clocks differ. */
	BEGIN(&b, "aws-sts", AWS);
	assert_ok(answer(&b, 200, AWS_ANSWER("ASIA1", "2026-01-02T04:04:35Z")), &b.err);
	end(&b);
	BEGIN(&b, "aws-sts", AWS "session_policy={]\0");
	assert_failed(aid_exchange_check(&b.x, &b.err), AID_E_CONFIG, &b.err, "session_policy: JSON: malformed");
	end(&b);
	BEGIN(&b, "aws-sts", AWS "session_policy={}\0");
	assert_failed(aid_exchange_check(&b.x, &b.err), AID_E_CONFIG, &b.err, "no Statement");
	end(&b);
}

#define AZURE "tenant=" GUID "\0client_id=" GUID "\0scope=https://vault.azure.net/.default\0"
#define BEARER(more) "{\"token_type\":\"Bearer\",\"access_token\":\"abc.DEF\"" more "}"
#define ENTRA(code)                                                                                \
	"{\"error\":\"invalid_client\",\"error_description\":\"AADSTS" code ": words\",\"error_codes\":[" code \
	"],\"correlation_id\":\"c-1\"}"

static void test_azure(void **state)
{
	static const struct refusal rows[] = {
		{401, ENTRA("700213"), AID_E_DENIED, "HTTP 401 invalid_client (AADSTS700213, correlation id c-1: a new "
			"federated credential takes up to 10 minutes"},
		{401, ENTRA("700024"), AID_E_EXPIRED, "AADSTS700024, correlation id c-1)"},
		{400, ENTRA("700016"), AID_E_CONFIG, "the tenant has no such client_id"},
		{400, ENTRA("90002"), AID_E_CONFIG, "no such tenant"},
		{400, ENTRA("123456"), AID_E_DENIED, "AADSTS123456"},
		{400, "{\"error\":\"temporarily_unavailable\"}", AID_E_BUSY, "HTTP 400 temporarily_unavailable"},
		{400, "{\"error\":\"invalid_request\",\"correlation_id\":\"c-1\"}", AID_E_DENIED,
			"HTTP 400 invalid_request (correlation id c-1)"},
		{429, "{}", AID_E_BUSY, "HTTP 429"},
		{503, NULL, AID_E_BUSY, "HTTP 503"},
		{500, "x", AID_E_UNREACHABLE, "HTTP 500"},
		{400, "[]", AID_E_PROTOCOL, "HTTP 400"},
		{200, BEARER(""), AID_E_PROTOCOL, "no expires_in"},
		{200, BEARER(",\"expires_in\":5399"), AID_E_DENIED, "credential lifetime 5399 s exceeds"},
		{200, "{\"token_type\":\"Bearer\"}", AID_E_PROTOCOL, "no access_token"},
	};
	struct bench b;

	(void)state;
	BEGIN(&b, "azure-wif", AZURE);
	make_call(&b);
	assert_string_equal(b.call.url, "https://login.microsoftonline.com/" GUID "/oauth2/v2.0/token");
	assert_string_equal(aid_secret_peek(b.call.body), "client_id=" GUID
		"&scope=https%3A%2F%2Fvault.azure.net%2F.default&grant_type=client_credentials&"
		"client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&"
		"client_assertion=" ASSERTION);
	assert_ok(answer(&b, 200, BEARER(",\"expires_in\":3599,\"ext_expires_in\":9999")), &b.err);
	assert_string_equal(aid_secret_peek(b.result.payload), "abc.DEF");
	assert_int_equal(b.result.expires_wall_ms, NOW + 3599000);
	end(&b);
	REFUSALS("azure-wif", AZURE, rows);
	BEGIN(&b, "azure-wif", AZURE);
	assert_int_equal(answer(&b, 400, "{\"error\":\"invalid_request\"}"), AID_E_DENIED);
	assert_string_equal(b.err.text, "host 'h': HTTP 400 invalid_request");
	assert_int_equal(answer(&b, 401, "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS5: x\"}"),
		AID_E_DENIED);
	assert_string_equal(b.err.text, "host 'h': HTTP 401 invalid_client (AADSTS5)");
	end(&b);
}

#define GCP "provider=" PROVIDER "\0"
#define TYPE "urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3A"
#define ISSUED(more) BEARER(",\"issued_token_type\":\"urn:ietf:params:oauth:token-type:access_token\"" more)
#define BOUNDARY "{\"accessBoundary\":{\"accessBoundaryRules\":[{}]}}"

static void test_gcp_steps(void **state)
{
	struct bench b;

	(void)state;
	BEGIN(&b, "gcp-wif", GCP "service_account=" SA "\0user_project=p1\0access_boundary=" BOUNDARY
		"\0scopes=https://s/a https://s/b\0");
	assert_ok(aid_exchange_check(&b.x, &b.err), &b.err);
	make_call(&b);
	assert_string_equal(b.call.url, "https://sts.googleapis.com/v1/token");
	assert_string_equal(aid_secret_peek(b.call.body),
		"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&"
		"audience=%2F%2Fiam.googleapis.com%2Fprojects%2F1%2Flocations%2Fglobal%2F"
		"workloadIdentityPools%2Fpool%2Fproviders%2Fhost&"
		"scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform&"
		"requested_token_type=" TYPE "access_token&subject_token_type=" TYPE "jwt&"
		"subject_token=" ASSERTION "&options=%7B%22userProject%22%3A%22p1%22%7D");
	assert_null(b.call.headers[0]);
	assert_ok(answer(&b, 200, ISSUED(",\"expires_in\":3599")), &b.err);
	assert_true(b.more);
	assert_null(b.result.payload);
	make_call(&b);
	assert_string_equal(b.call.url, "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
					SA ":generateAccessToken");
	assert_string_equal(b.call.content_type, "application/json");
	assert_string_equal(aid_secret_peek(b.call.body),
		"{\"scope\":[\"https://s/a\",\"https://s/b\"],\"lifetime\":\"900s\"}");
	assert_string_equal(aid_secret_peek(b.call.headers[0]), "x-goog-user-project: p1");
	assert_string_equal(aid_secret_peek(b.call.headers[1]), "Authorization: Bearer abc.DEF");
	assert_ok(answer(&b, 200, "{\"accessToken\":\"ya29.x\",\"expireTime\":\"2026-01-02T03:19:05Z\"}"), &b.err);
	assert_true(b.more);
	make_call(&b);
	assert_string_equal(b.call.url, "https://sts.googleapis.com/v1/token");
	assert_non_null(strstr(aid_secret_peek(b.call.body), "subject_token=ya29.x&options=%7B%22accessBoundary"));
	assert_null(strstr(aid_secret_peek(b.call.body), "audience="));
	/* It may leave out how long it lives: as long as the one before. */
	assert_ok(answer(&b, 200, ISSUED("")), &b.err);
	assert_false(b.more);
	assert_string_equal(aid_secret_peek(b.result.payload), "abc.DEF");
	assert_int_equal(b.result.expires_wall_ms, NOW + 900000);
	end(&b);
	BEGIN(&b, "gcp-wif", GCP);
	assert_ok(answer(&b, 200, ISSUED(",\"expires_in\":3599")), &b.err);
	assert_false(b.more);
	assert_string_equal(aid_secret_peek(b.result.payload), "abc.DEF");
	end(&b);
}

static void test_gcp_refusals(void **state)
{
	static const struct refusal rows[] = {
		{400, "{\"error\":\"invalid_grant\",\"error_description\":\"sub\"}", AID_E_DENIED,
			"HTTP 400 invalid_grant (sub)"},
		{400, "{\"error\":\"invalid_target\"}", AID_E_CONFIG, "invalid_target"},
		{403, "{\"error\":{\"code\":403,\"message\":\"m\",\"status\":\"PERMISSION_DENIED\"}}", AID_E_DENIED,
			"HTTP 403 PERMISSION_DENIED (m)"},
		{429, "{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\"}}", AID_E_BUSY, "RESOURCE_EXHAUSTED"},
		{503, "{\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}", AID_E_BUSY, "UNAVAILABLE"},
		{500, "{\"error\":{\"code\":500,\"status\":\"INTERNAL\"}}", AID_E_UNREACHABLE, "INTERNAL"},
		{404, "{\"error\":{\"code\":404,\"status\":\"NOT_FOUND\"}}", AID_E_CONFIG, "NOT_FOUND"},
		{200, ISSUED(""), AID_E_PROTOCOL, "no expires_in"},
		{200, BEARER(",\"expires_in\":1"), AID_E_PROTOCOL, "no issued_token_type"},
		{200, BEARER(",\"issued_token_type\":\"urn:ietf:params:oauth:token-type:jwt\""), AID_E_PROTOCOL,
			"issued_token_type is 'urn:ietf:params:oauth:token-type:jwt'"},
		{200, ISSUED(",\"expires_in\":7200"), AID_E_DENIED, "credential lifetime 7200 s exceeds"},
	};
	struct bench b;

	(void)state;
	REFUSALS("gcp-wif", GCP, rows);
	BEGIN(&b, "gcp-wif", GCP "access_boundary={\"accessBoundary\":{}}\0");
	assert_failed(aid_exchange_check(&b.x, &b.err), AID_E_CONFIG, &b.err, "no accessBoundary.accessBoundaryRules");
	end(&b);
	BEGIN(&b, "gcp-wif", GCP "access_boundary={\"accessBoundary\":{\"accessBoundaryRules\":[]}}\0");
	assert_failed(aid_exchange_check(&b.x, &b.err), AID_E_CONFIG, &b.err, "0 rules; 1 to 10 are allowed");
	end(&b);
}

#define VAULT "address=https://v.example:8200\0role=agent\0namespace=t/x\0mount=m/jwt\0"
#define AUTH(token, lease, renewable)                                                              \
	"{\"auth\":{\"client_token\":\"" token "\",\"lease_duration\":" lease ",\"renewable\":" renewable "}}"

static void test_vault(void **state)
{
	struct bench b;

	(void)state;
	BEGIN(&b, "vault", VAULT);
	make_call(&b);
	assert_string_equal(b.call.url, "https://v.example:8200/v1/auth/m/jwt/login");
	assert_string_equal(aid_secret_peek(b.call.body), "{\"role\":\"agent\",\"jwt\":\"" ASSERTION "\"}");
	assert_string_equal(aid_secret_peek(b.call.headers[0]), "X-Vault-Request: true");
	assert_string_equal(aid_secret_peek(b.call.headers[1]), "X-Vault-Namespace: t/x");
	assert_null(b.call.headers[2]);
	assert_ok(answer(&b, 200, AUTH("hvs.x", "300", "true")), &b.err);
	assert_string_equal(aid_secret_peek(b.result.payload), "hvs.x");
	assert_int_equal(b.result.expires_wall_ms, NOW + 300000);
	assert_true(b.result.renewable);
	end(&b);
	/* renewed */
	BEGIN(&b, "vault", VAULT "increment=10m\0");
	b.previous = aid_secret_from("hvs.x", 5);
	b.x.previous = b.previous;
	make_call(&b);
	assert_string_equal(b.call.url, "https://v.example:8200/v1/auth/token/renew-self");
	assert_string_equal(aid_secret_peek(b.call.body), "{\"increment\":\"600s\"}");
	assert_string_equal(aid_secret_peek(b.call.headers[2]), "X-Vault-Token: hvs.x");
	assert_ok(answer(&b, 200, AUTH("hvs.x", "600", "true")), &b.err);
	assert_false(b.more);
	assert_string_equal(aid_secret_peek(b.result.payload), "hvs.x");
	end(&b);
	/* revoked */
	BEGIN(&b, "vault", VAULT);
	b.previous = aid_secret_from("hvs.x", 5);
	b.x.previous = b.previous;
	b.x.revoke = true;
	make_call(&b);
	assert_string_equal(b.call.url, "https://v.example:8200/v1/auth/token/revoke-self");
	assert_ok(answer(&b, 204, NULL), &b.err);
	assert_ok(answer(&b, 403, "{\"errors\":[\"permission denied\"]}"), &b.err);
	assert_failed(answer(&b, 503, "{\"errors\":[\"Vault is sealed\"]}"), AID_E_BUSY, &b.err, "(Vault is sealed)");
	end(&b);
}

/* Renewal that does not go on: a login follows. */
static void test_vault_login_anew(void **state)
{
	static const struct {
		int status;
		const char *body;
	} rows[] = {
		{403, "{\"errors\":[\"permission denied\"]}"},
		{400, "{\"errors\":[\"lease is not renewable\"]}"},
		{200, AUTH("hvs.x", "59", "true")},
		{200, AUTH("hvs.other", "600", "true")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bench b;

		BEGIN(&b, "vault", VAULT);
		b.previous = aid_secret_from("hvs.x", 5);
		b.x.previous = b.previous;
		assert_ok(answer(&b, rows[i].status, rows[i].body), &b.err);
		assert_true(b.more);
		assert_null(b.result.payload);
		make_call(&b);
		assert_non_null(strstr(b.call.url, "/login"));
		assert_null(b.call.headers[2]);
		end(&b);
	}
}

static void test_vault_refusals(void **state)
{
	static const struct refusal rows[] = {
		{400, "{\"errors\":[\"error validating token: x\"]}", AID_E_DENIED, "HTTP 400 (error validating token: x)"},
		{403, "{\"errors\":[\"permission denied\"]}", AID_E_DENIED, "HTTP 403 (permission denied)"},
		{404, "{\"errors\":[]}", AID_E_CONFIG, "HTTP 404"},
		{429, NULL, AID_E_BUSY, "HTTP 429"},
		{472, NULL, AID_E_BUSY, "HTTP 472"},
		{473, NULL, AID_E_BUSY, "HTTP 473"},
		{503, "{\"errors\":[\"Vault is sealed\"]}", AID_E_BUSY, "(Vault is sealed)"},
		{500, "{}", AID_E_UNREACHABLE, "HTTP 500"},
		{400, "{\"errors\":[\"" ASSERTION "\"]}", AID_E_DENIED, "left out"},
		{200, "{\"auth\":null}", AID_E_PROTOCOL, "no auth in the answer"},
		{200, AUTH("hvs.x", "0", "false"), AID_E_DENIED, "the token never expires"},
		{200, AUTH("hvs.x", "-1", "false"), AID_E_PROTOCOL, "lease_duration"},
		{200, AUTH("hvs.x", "1.5", "false"), AID_E_PROTOCOL, "lease_duration"},
		{200, AUTH("hvs.x", "60", "\\\"no\\\""), AID_E_PROTOCOL, "JSON"},
		{200, AUTH("hvs x", "60", "false"), AID_E_PROTOCOL, "client_token has a character"},
		{200, AUTH("hvs.x", "2764800", "true"), AID_E_DENIED, "credential lifetime 2764800 s exceeds"},
	};

	(void)state;
	REFUSALS("vault", VAULT, rows);
}

static int redirect(struct bench *b, const char *location)
{
	const struct aid_exchange_answer seen = {.status = 307, .host = "h", .location = location,
		.retry_after_s = -1, .asked_wall_ms = NOW};

	b->err = AID_ERROR_INIT;
	return aid_exchange_answer(&b->x, &seen, &b->result, &b->more, &b->err);
}

static void test_vault_redirect(void **state)
{
	static const struct {
		const char *location;
		const char *sentence;
	} rows[] = {
		{"https://evil.example/v1/auth/m/jwt/login", "redirect to host 'evil.example', which is not in"},
		{"http://active.example/v1/auth/m/jwt/login", "only https"},
		{"https://active.example/v1/sys/init", "redirect to another path"},
		{"https://active.example", "redirect to another path"},
		{"http://169.254.169.254/v1/auth/m/jwt/login", "only https"},
		{"/v1/auth/m/jwt/login", "url '"},
	};
	struct bench b;

	(void)state;
	BEGIN(&b, "vault", VAULT "allowed_hosts=other.example, active.example\0");
	make_call(&b);
	assert_true(b.call.take_redirect);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_failed(redirect(&b, rows[i].location), AID_E_UNTRUSTED, &b.err, rows[i].sentence);
	assert_ok(redirect(&b, "https://active.example:8200/v1/auth/m/jwt/login"), &b.err);
	assert_true(b.more);
	make_call(&b);
	assert_string_equal(b.call.url, "https://active.example:8200/v1/auth/m/jwt/login");
	assert_false(b.call.take_redirect);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aws_call), cmocka_unit_test(test_aws_session_name),
		cmocka_unit_test(test_aws_answer), cmocka_unit_test(test_aws_refusals),
		cmocka_unit_test(test_azure), cmocka_unit_test(test_gcp_steps),
		cmocka_unit_test(test_gcp_refusals), cmocka_unit_test(test_vault),
		cmocka_unit_test(test_vault_login_anew), cmocka_unit_test(test_vault_refusals),
		cmocka_unit_test(test_vault_redirect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
