/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Help texts that both programs have. */
#include "commands.h"

const char command_check_help[] =
	"Reads the configuration as the daemon would and looks at the host: secrets, accounts, issuer\n"
	"keys, key quota, PAM stacks, daemons. Each problem is one sentence, with file and line where\n"
	"there is one. Run it as root.\n\n"
	"  --json  one JSON object\n";

const char command_issuer_help[] =
	"  init [--alg RS256|ES256]  make the first key\n"
	"  publish DIR               write jwks.json and .well-known/openid-configuration into DIR\n"
	"  rotate [--now] [--overlap TIME] [--alg RS256|ES256]\n"
	"                            add a key that becomes active after TIME (default 24h), or with\n"
	"                            --now at once and delete all others (a key was stolen)\n"
	"  show                      list the keys\n\n"
	"After init and rotate, publish, so that verifiers know the key before it signs.\n";

const char command_policy_arguments[] = "lint|permissions|trust [ARGUMENT ...]";
const char command_policy_help[] =
	"  lint [--json] [--issuer ISSUER] FILE\n"
	"                            judge a trust policy of AWS, a federated credential of Azure, a provider\n"
	"                            or IAM policy of Google or a role of Vault, as JSON; exit status 1 when\n"
	"                            something is found\n"
	"  trust [OPTION ...] aws|azure|gcp|keycloak|vault AGENT\n"
	"                            print what lets in this agent's tokens and no others\n"
	"  permissions [OPTION ...] aws AGENT\n"
	"                            print the least that its role needs for a part of a bucket\n\n"
	"agentid-policy(1) explains the options.\n";

const char command_setup_arguments[] = "[--write] [OPTION ...] aws|docker|gcp|git|kube|vault";
const char command_setup_help[] =
	"Shows what would change in the user's own configuration of that program, and changes it with --write.\n\n"
	"  --write                    write it\n"
	"  --credential NAME          aws, gcp, kube: another credential than the adapter's own\n"
	"  --profile PROFILE          aws: another profile than \"default\"\n"
	"  --host HOST                docker, git: the server that may be given the token\n"
	"  --username USER            git: the user name beside the token; kube: the user in the file\n"
	"  --audience AUDIENCE        gcp: the provider, //iam.googleapis.com/projects/...\n"
	"  --service-account ADDRESS  gcp: a service account to impersonate\n"
	"  --bao                      vault: OpenBao's file\n";
