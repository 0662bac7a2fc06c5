/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid policy: the arguments of its parts, and lint. */
#include "policy_command.h"

#include "commands.h"
#include "file.h"
#include "jsonout.h"
#include "policy.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DOCUMENT_MAX 262144U
#define GIVEN_ISSUERS_MAX 64U
#define ISSUERS_MAX (AID_AGENTS_MAX + 1) /* one of each agent, and the host's */
#define SUBJECT_SIZE 160U

struct lint_request {
	bool json;
	const char *file;
	const char *issuers[ISSUERS_MAX];
	size_t n_issuers;
};

static const char *const option_names[POLICY_OPTIONS] = {
	[POLICY_ACCOUNT] = "account", [POLICY_APP] = "app", [POLICY_AUDIENCE] = "audience",
	[POLICY_BUCKET] = "bucket", [POLICY_CLIENT] = "client", [POLICY_MOUNT] = "mount",
	[POLICY_POLICIES] = "policies", [POLICY_PREFIX] = "prefix", [POLICY_PROVIDER] = "provider",
	[POLICY_REALM] = "realm", [POLICY_ROLE] = "role", [POLICY_ROLE_ARN] = "role-arn",
	[POLICY_SERVICE_ACCOUNT] = "service-account",
};

/* ---- the configuration ---- */

/* A mistake in one agent's file is no reason not to know the others. */
static int load(struct aid_config **ret_config)
{
	struct aid_problems problems;
	int r = aid_config_load_usable(&aid_config_default_paths, NULL, ret_config, &problems);

	for (size_t i = 0; i < problems.count; i++) {
		char text[AID_PROBLEM_SIZE];

		cli_error("%s", aid_problem_format(&problems.items[i], text));
	}
	aid_problems_done(&problems);
	return r;
}

/* False where there is no room. */
static bool add_issuer(struct lint_request *request, const char *issuer, size_t max)
{
	if (issuer == NULL)
		return true;
	for (size_t i = 0; i < request->n_issuers; i++) {
		if (aid_streq(request->issuers[i], issuer))
			return true;
	}
	if (request->n_issuers == max)
		return false;
	request->issuers[request->n_issuers++] = issuer;
	return true;
}

static void add_configured(struct lint_request *request, const struct aid_config *config)
{
	(void)add_issuer(request, config->host_issuer, ISSUERS_MAX);
	for (size_t i = 0; i < config->n_agents; i++)
		(void)add_issuer(request, config->agents[i].token.issuer, ISSUERS_MAX);
}

/* ---- lint ---- */

static int read_document(const char *file, struct aid_json **ret_document, struct aid_error *err)
{
	AID_AUTO(aid_secret) *bytes = NULL;
	AID_FD(fd);
	int r;

	fd = aid_streq(file, "-") ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return aid_fail_errno(err, AID_E_NOTFOUND, errno, "%s", file);
	r = aid_file_read(fd, DOCUMENT_MAX, &bytes, err);
	if (r == AID_OK)
		r = aid_json_parse(aid_secret_peek(bytes), aid_secret_length(bytes), DOCUMENT_MAX, ret_document,
			err);
	return r == AID_OK ? AID_OK : aid_prefix(err, "%s", file);
}

static void print_plain(const char *file, const char *kind, const struct aid_policy_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct aid_policy_finding *finding = &findings->items[i];

		(void)printf("%s: %s: ", file, finding->path);
		if (finding->value[0] != '\0')
			(void)printf("'%s': ", finding->value);
		(void)printf("%s; write %s\n", finding->why, finding->instead);
	}
	if (findings->more)
		(void)printf("%s: and more\n", file);
	if (findings->count == 0)
		(void)printf("%s: %s: nothing found\n", file, kind);
}

static int print_json(const char *kind, const struct aid_policy_findings *findings, struct aid_error *err)
{
	struct jsonout out;
	int r = jsonout_begin(&out, err);

	if (r != AID_OK)
		return r;
	jsonout_object(&out, NULL);
	jsonout_text(&out, "kind", kind);
	jsonout_array(&out, "findings");
	for (size_t i = 0; i < findings->count; i++) {
		jsonout_object(&out, NULL);
		jsonout_text(&out, "path", findings->items[i].path);
		jsonout_text(&out, "value", findings->items[i].value);
		jsonout_text(&out, "why", findings->items[i].why);
		jsonout_text(&out, "instead", findings->items[i].instead);
		jsonout_object_end(&out);
	}
	jsonout_array_end(&out);
	jsonout_bool(&out, "more", findings->more);
	jsonout_object_end(&out);
	r = jsonout_print(&out, err);
	jsonout_done(&out);
	return r;
}

static int judge(const struct lint_request *request)
{
	const struct aid_policy_known known = {request->issuers, request->n_issuers};
	static struct aid_policy_findings findings;
	AID_AUTO(aid_json) *document = NULL;
	struct aid_error err = AID_ERROR_INIT;
	enum aid_policy_kind kind = AID_POLICY_AWS;
	int r = read_document(request->file, &document, &err);

	if (r == AID_OK) {
		r = aid_policy_lint(document, &known, &kind, &findings, &err);
		if (r != AID_OK)
			(void)aid_prefix(&err, "%s", request->file);
	}
	if (r != AID_OK) {
		(void)cli_fail(&err);
		return CLI_USAGE;
	}
	if (request->n_issuers == 0)
		cli_error("no issuer is configured here, so issuers were not judged; see --issuer");
	if (!request->json)
		print_plain(request->file, aid_policy_kind_name(kind), &findings);
	else if (print_json(aid_policy_kind_name(kind), &findings, &err) != AID_OK)
		return cli_fail(&err);
	return cli_flush(findings.count == 0 ? CLI_OK : CLI_FAILURE);
}

static int lint(const struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"issuer", required_argument, NULL, 'i'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	static struct lint_request request;
	AID_AUTO(aid_config) *config = NULL;
	int letter;

	while ((letter = cli_getopt(argc, argv, ":hi:j", options)) != -1) {
		if (letter != 'i' && letter != 'j')
			return cli_other_option(cli, letter, argv);
		if (letter == 'i' && !add_issuer(&request, optarg, GIVEN_ISSUERS_MAX))
			return cli_usage(cli, "--issuer: at most %u are allowed", GIVEN_ISSUERS_MAX);
		request.json = request.json || letter == 'j';
	}
	if (argc - optind != 1)
		return cli_usage(cli, "one FILE is needed, or - for standard input");
	request.file = argv[optind];
	if (request.n_issuers == 0 && load(&config) == AID_OK)
		add_configured(&request, config);
	return judge(&request);
}

/* ---- trust and permissions ---- */

const char *policy_need(const struct policy *policy, enum policy_option option, const char *meaning)
{
	if (policy->values[option] == NULL)
		(void)cli_usage(policy->cli, "--%s is needed: %s", option_names[option], meaning);
	return policy->values[option];
}

/* Whatever is printed is pinned, so nothing of it may stand for more than itself. */
static int check_values(const struct policy *policy)
{
	struct aid_error err = AID_ERROR_INIT;
	int r = aid_policy_check_pin("the issuer", policy->issuer, &err);

	if (r == AID_OK)
		r = aid_policy_check_pin("the subject", policy->subject, &err);
	if (r == AID_OK && policy->audience[0] != '\0')
		r = aid_policy_check_pin("the audience", policy->audience, &err);
	for (size_t i = 0; r == AID_OK && i < POLICY_OPTIONS; i++) {
		char what[32];

		(void)snprintf(what, sizeof(what), "--%s", option_names[i]);
		if (policy->values[i] != NULL)
			r = aid_policy_check_pin(what, policy->values[i], &err);
	}
	return r == AID_OK ? -1 : cli_fail(&err);
}

static enum aid_target_kind target_of(const char *kind)
{
	static const struct {
		const char *kind;
		enum aid_target_kind target;
	} targets[] = {
		{"aws", AID_TARGET_AWS_STS}, {"azure", AID_TARGET_AZURE_WIF}, {"gcp", AID_TARGET_GCP_WIF},
		{"vault", AID_TARGET_VAULT},
	};

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		if (aid_streq(targets[i].kind, kind))
			return targets[i].target;
	}
	return 0;
}

/* What none of them refuses. */
static void take_lifetime(struct policy *policy, int64_t max_ms)
{
	if (policy->max_lifetime_ms == 0 || max_ms < policy->max_lifetime_ms)
		policy->max_lifetime_ms = max_ms;
}

/* What the agent's [credential] sections of this type show there: those with this audience, or with NULL
 * all. Returns -1, also where there are none, or the status where they differ. */
static int take_credentials(struct policy *policy, const struct aid_config *config, const char *kind,
	const char *wanted)
{
	char audience[POLICY_AUDIENCE_SIZE];

	for (size_t i = 0; i < policy->agent->n_credentials; i++) {
		const struct aid_credential *credential = &policy->agent->credentials[i];
		enum aid_source source = aid_credential_source(config, credential);
		struct aid_error err = AID_ERROR_INIT;

		if (credential->options.target->kind != target_of(kind))
			continue;
		if (aid_target_audience(&credential->options, audience, sizeof(audience), &err) != AID_OK)
			return cli_fail(&err);
		if (wanted != NULL && !aid_streq(wanted, audience))
			continue;
		if (policy->audience[0] != '\0' &&
			(source != policy->source || !aid_streq(policy->audience, audience))) {
			cli_error("agent '%s' has more than one [credential] of type %s, with different assertions: "
				"--audience says which is meant", policy->agent->id, credential->options.target->name);
			return CLI_USAGE;
		}
		policy->source = source;
		memcpy(policy->audience, audience, sizeof(audience));
		take_lifetime(policy, aid_target_max_lifetime_ms(&credential->options));
	}
	return -1;
}

/* Whose tokens get there. Keycloak's trust is for the host's assertions in place of a client secret. */
static int find_source(struct policy *policy, const struct aid_config *config, const char *kind)
{
	int status = -1;

	policy->source = policy->agent->token.source;
	if (aid_streq(kind, "keycloak"))
		policy->source = AID_SOURCE_HOST;
	if (policy->values[POLICY_AUDIENCE] != NULL)
		status = take_credentials(policy, config, kind, policy->values[POLICY_AUDIENCE]);
	if (status < 0 && policy->audience[0] == '\0')
		status = take_credentials(policy, config, kind, NULL);
	return status;
}

static int find_agent(struct policy *policy, const struct aid_config *config, const char *kind, const char *id,
	char subject[SUBJECT_SIZE])
{
	const struct aid_agent *agent = aid_config_agent(config, id);
	int status;
	bool host;

	if (agent == NULL) {
		cli_error("there is no agent '%s'", id);
		return CLI_NOTHING;
	}
	policy->agent = agent;
	status = find_source(policy, config, kind);
	if (status >= 0)
		return status;
	host = policy->source == AID_SOURCE_HOST;
	(void)snprintf(subject, SUBJECT_SIZE, "agent:%s", agent->id);
	policy->issuer = host ? config->host_issuer : agent->token.issuer;
	policy->subject = host ? subject : agent->token.subject;
	if (host && policy->issuer == NULL) {
		cli_error("the assertions of this host need [issuer] url in agentid.conf");
		return CLI_CONFIG;
	}
	if (policy->issuer == NULL || policy->subject == NULL) {
		cli_error("agent '%s' has no %s to pin", id, policy->issuer == NULL ? "issuer" : "subject");
		return CLI_CONFIG;
	}
	return check_values(policy);
}

static int run_for_agent(struct policy *policy, const char *kind, const char *id,
	int (*print)(const struct policy *policy, const char *kind))
{
	AID_AUTO(aid_config) *config = NULL;
	char subject[SUBJECT_SIZE];
	int status;

	if (load(&config) != AID_OK)
		return CLI_CONFIG;
	/* Permissions are the role's, whatever it is assumed with. */
	status = find_agent(policy, config, print == policy_trust ? kind : "", id, subject);
	if (status < 0)
		status = print(policy, kind);
	return cli_flush(status);
}

enum flag { FLAG_READ = POLICY_OPTIONS, FLAG_WRITE, FLAG_BUCKET_POLICY, FLAG_NO_AZP, FLAG_HELP, FLAGS };

static void set_flag(struct policy *policy, int flag)
{
	policy->read = policy->read || flag == FLAG_READ;
	policy->write = policy->write || flag == FLAG_WRITE;
	policy->bucket_policy = policy->bucket_policy || flag == FLAG_BUCKET_POLICY;
	policy->no_azp = policy->no_azp || flag == FLAG_NO_AZP;
}

/* Letters of options are out of the range of characters: they have long names only. */
#define LETTER(option) (0x100 + (int)(option))

static int for_agent(const struct cli *cli, int argc, char **argv,
	int (*print)(const struct policy *policy, const char *kind))
{
	struct option options[FLAGS + 1] = {
		[FLAG_READ] = {"read", no_argument, NULL, LETTER(FLAG_READ)},
		[FLAG_WRITE] = {"write", no_argument, NULL, LETTER(FLAG_WRITE)},
		[FLAG_BUCKET_POLICY] = {"bucket-policy", no_argument, NULL, LETTER(FLAG_BUCKET_POLICY)},
		[FLAG_NO_AZP] = {"no-azp", no_argument, NULL, LETTER(FLAG_NO_AZP)},
		[FLAG_HELP] = {"help", no_argument, NULL, 'h'},
	};
	struct policy policy = {.cli = cli};
	int letter;

	for (int i = 0; i < POLICY_OPTIONS; i++)
		options[i] = (struct option){option_names[i], required_argument, NULL, LETTER(i)};
	while ((letter = cli_getopt(argc, argv, ":h", options)) != -1) {
		if (letter < LETTER(0))
			return cli_other_option(cli, letter, argv);
		if (letter < LETTER(POLICY_OPTIONS))
			policy.values[letter - LETTER(0)] = optarg;
		else
			set_flag(&policy, letter - LETTER(0));
	}
	if (argc - optind != 2)
		return cli_usage(cli, "a kind and an AGENT are needed");
	return run_for_agent(&policy, argv[optind], argv[optind + 1], print);
}

int command_policy(const struct cli *cli, int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "";

	if (aid_streq(part, "lint"))
		return lint(cli, argc - 1, argv + 1);
	if (aid_streq(part, "trust"))
		return for_agent(cli, argc - 1, argv + 1, policy_trust);
	if (aid_streq(part, "permissions"))
		return for_agent(cli, argc - 1, argv + 1, policy_permissions);
	if (aid_streq(part, "--help") || aid_streq(part, "-h")) {
		cli_print_help(cli->command);
		return cli_flush(CLI_OK);
	}
	return cli_usage(cli, "'%s': lint, permissions and trust are known", part);
}
