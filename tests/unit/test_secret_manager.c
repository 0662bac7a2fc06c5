/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* References to secrets managers, and the options of their sections, each wrong way with its sentence. */
#include "unit.h"

#include "secret_manager.h"
#include "str.h"

static void test_references(void **state)
{
	struct aid_manager_place place;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(aid_manager_parse("vault:kv/agents/a#1#client secret", &place, &err), &err);
	assert_int_equal(place.manager, AID_MANAGER_VAULT);
	assert_string_equal(place.path, "kv/agents/a#1");
	assert_string_equal(place.field, "client secret");
	assert_ok(aid_manager_parse("aws-sm:arn:aws:secretsmanager:eu-west-1:1:secret:a-B", &place, &err), &err);
	assert_int_equal(place.manager, AID_MANAGER_AWS_SM);
	assert_string_equal(place.path, "arn:aws:secretsmanager:eu-west-1:1:secret:a-B");
	assert_string_equal(place.field, "");
	assert_int_equal(aid_manager_of("file:/x"), AID_MANAGER_NONE);
	assert_null(aid_manager_target(AID_MANAGER_NONE));
	assert_null(aid_manager_target(AID_MANAGER_COUNT));
}

static void test_wrong_references(void **state)
{
	static const struct {
		const char *reference, *sentence;
	} wrong[] = {
		{"file:/x", "names no secrets manager"},
		{"vault:kv/a", "the #FIELD is missing"},
		{"vault:kv/a#", "the field after '#' is 1 to 128"},
		{"vault:kv#a", "has a '/' in it"},
		{"vault:#a", "a path is 1 to 512"},
		{"vault:kv/../sys#a", "'.' and '..'"},
		{"vault:kv//a#b", "empty segment"},
		{"vault:kv/a#b\n", "the field after '#'"},
		{"aws-sm:", "1 to 512 letters"},
		{"aws-sm:#x", "1 to 512 letters"},
		{"aws-sm:a b", "letters, digits and '/_+=.@:-'"},
		{"aws-sm:a#", "the field after '#'"},
	};
	struct aid_manager_place place;
	char text[700];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct aid_error err = AID_ERROR_INIT;

		assert_failed(aid_manager_parse(wrong[i].reference, &place, &err), AID_E_CONFIG, &err,
			wrong[i].sentence);
	}
	for (size_t length = AID_SECRET_FIELD_MAX; length <= AID_SECRET_FIELD_MAX + 1; length++) {
		struct aid_error err = AID_ERROR_INIT;

		memset(text, 'f', sizeof(text));
		memcpy(text, "vault:kv/a#", 11);
		text[11 + length] = '\0';
		assert_int_equal(aid_manager_parse(text, &place, &err),
			length > AID_SECRET_FIELD_MAX ? AID_E_CONFIG : AID_OK);
	}
	memset(text, 'p', sizeof(text));
	memcpy(text, "vault:kv/", 9);
	memcpy(text + 600, "#f", 3);
	assert_int_equal(aid_manager_parse(text, &place, NULL), AID_E_CONFIG);
}

static int complete(enum aid_manager manager, const char *const *options, bool travels,
	struct aid_error *err)
{
	struct aid_target_values values;
	int r = AID_OK;

	*err = AID_ERROR_INIT;
	aid_target_values_init(&values, aid_manager_target(manager));
	values.travelled = travels;
	for (; r == AID_OK && *options != NULL; options++) {
		char name[32];
		size_t length = strcspn(*options, "=");

		memcpy(name, *options, length);
		name[length] = '\0';
		r = aid_target_set(&values, name, *options + length + 1, err);
	}
	if (r == AID_OK)
		r = aid_target_complete(&values, err);
	aid_target_values_done(&values);
	return r;
}

#define OPTIONS_MAX 8
#define VAULT_JWT "address=https://v.example", "role=r"
#define VAULT_APPROLE "address=https://v.example", "auth=approle", "role_id=r-1"

static void test_options(void **state)
{
	static const struct {
		enum aid_manager manager;
		bool travels;
		const char *options[OPTIONS_MAX];
		const char *sentence; /* NULL: right */
	} rows[] = {
		{AID_MANAGER_VAULT, false, {VAULT_JWT, "namespace=team/a", "mount=jwt/h", "audience=x", "subject=s",
			"max_age=10s", NULL}, NULL},
		{AID_MANAGER_VAULT, false, {VAULT_APPROLE, "secret_id=credential:x", "ca_file=/x", NULL}, NULL},
		{AID_MANAGER_VAULT, true, {VAULT_APPROLE, NULL}, NULL},
		{AID_MANAGER_VAULT, false, {"role=r", NULL}, "address is missing"},
		{AID_MANAGER_VAULT, false, {"address=https://v.example", NULL}, "role is missing: auth = jwt needs it"},
		{AID_MANAGER_VAULT, false, {VAULT_APPROLE, NULL}, "secret_id is missing: auth = approle needs it"},
		{AID_MANAGER_VAULT, false, {"address=https://v.example", "auth=approle", "secret_id=file:/x", NULL},
			"role_id is missing: auth = approle needs it"},
		{AID_MANAGER_VAULT, false, {VAULT_JWT, "role_id=x", NULL}, "role_id has no meaning with auth = jwt"},
		{AID_MANAGER_VAULT, false, {VAULT_JWT, "secret_id=file:/x", NULL},
			"secret_id has no meaning with auth = jwt"},
		{AID_MANAGER_VAULT, false, {VAULT_APPROLE, "secret_id=file:/x", "audience=a", NULL},
			"audience has no meaning with auth = approle"},
		{AID_MANAGER_VAULT, false, {VAULT_JWT, "auth=token", NULL}, "jwt, approle"},
		{AID_MANAGER_VAULT, false, {VAULT_JWT, "at_open=yes", NULL}, "has no option 'at_open'"},
		{AID_MANAGER_VAULT, false, {VAULT_JWT, "max_age=9s", NULL}, "10s"},
		{AID_MANAGER_VAULT, false, {VAULT_JWT, "max_age=25h", NULL}, "24h"},
		{AID_MANAGER_VAULT, false, {VAULT_JWT, "secret_id=vault:kv/a#b", NULL},
			"file: or credential: is needed here"},
		{AID_MANAGER_VAULT, false, {"address=http://v.example", NULL}, "https"},
		{AID_MANAGER_VAULT, false, {VAULT_JWT, "role_id=a b", NULL}, "letters, digits, '_', '.' and '-'"},
		{AID_MANAGER_AWS_SM, false, {"region=eu-west-1", NULL}, NULL},
		{AID_MANAGER_AWS_SM, false, {"region=eu-west-1", "role_arn=arn:aws:iam::123456789012:role/R",
			"sts_endpoint=https://sts.example", "audience=a", "subject=s", NULL}, NULL},
		{AID_MANAGER_AWS_SM, false, {"region=eu-west-1", "container_url=http://169.254.170.23/v1/credentials",
			"container_token=file:/x", NULL}, NULL},
		{AID_MANAGER_AWS_SM, false, {"container_token=file:/x", NULL}, "region is missing"},
		{AID_MANAGER_AWS_SM, false, {"region=eu-west-1", "audience=a", NULL},
			"audience has no meaning without role_arn"},
		{AID_MANAGER_AWS_SM, false, {"region=eu-west-1", "role_arn=arn:aws:iam::123456789012:role/R",
			"container_url=http://127.0.0.1:80/", NULL}, "container_url has no meaning with role_arn"},
		{AID_MANAGER_AWS_SM, false, {"region=eu-west-1", "container_token=file:/x", NULL},
			"container_token has no meaning without container_url"},
		{AID_MANAGER_AWS_SM, false, {"region=eu-west-1", "container_url=http://169.254.169.254/x", NULL},
			"served at http://169.254.170.2/"},
		{AID_MANAGER_AWS_SM, false, {"region=eu-west-1", "container_url=http://127.0.0.1 /x", NULL},
			"letters, digits and '-._~/:?=&%'"},
	};
	struct aid_error err;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int r = complete(rows[i].manager, rows[i].options, rows[i].travels, &err);

		if (rows[i].sentence == NULL)
			assert_ok(r, &err);
		else if (r == AID_E_NOTFOUND)
			assert_failed(r, AID_E_NOTFOUND, &err, rows[i].sentence);
		else
			assert_failed(r, AID_E_CONFIG, &err, rows[i].sentence);
	}
}

/* As fetch gets them: what is a reference does not travel. */
static void test_travel(void **state)
{
	struct aid_target_values values, back;
	struct aid_error err = AID_ERROR_INIT;
	char packed[512];
	size_t length;

	(void)state;
	aid_target_values_init(&values, aid_manager_target(AID_MANAGER_VAULT));
	assert_ok(aid_target_set(&values, "address", "https://old.example", &err), &err);
	aid_target_unset(&values, "address");
	assert_ok(aid_target_set(&values, "address", "https://v.example", &err), &err);
	assert_ok(aid_target_set(&values, "auth", "approle", &err), &err);
	assert_ok(aid_target_set(&values, "role_id", "r", &err), &err);
	assert_ok(aid_target_set(&values, "secret_id", "file:/x", &err), &err);
	assert_ok(aid_target_pack(&values, NULL, 0, packed, sizeof(packed), &length, &err), &err);
	assert_null(memmem(packed, length, "secret_id", 9));
	aid_target_values_init(&back, aid_manager_target(AID_MANAGER_VAULT));
	assert_ok(aid_target_unpack(&back, packed, length, 0, &err), &err);
	assert_string_equal(aid_target_get(&back, "address"), "https://v.example");
	assert_int_equal(aid_target_number(&back, "max_age"), 3600000);
	aid_target_values_done(&values);
	aid_target_values_done(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_wrong_references),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_travel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
