/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The part of sandbox.h that needs libseccomp: only agentid-fetch links it. */
#include "sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>

/* First the reason for the filter, then what an intruder in a network worker would reach for. */
static const int refused[] = {
	SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl),
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root),
	SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(init_module), SCMP_SYS(finit_module),
	SCMP_SYS(kexec_load), SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(open_by_handle_at),
};

static int add_rules(scmp_filter_ctx filter, struct aid_error *err)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		int r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);

		if (r != 0)
			return aid_fail_errno(err, AID_E_IO, -r, "seccomp rule %zu", i);
	}
	return AID_OK;
}

int aid_sandbox_deny_keyrings(struct aid_error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (filter == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	r = add_rules(filter, err);
	if (r == AID_OK) {
		r = seccomp_load(filter);
		if (r != 0)
			r = aid_fail_errno(err, AID_E_IO, -r, "seccomp filter");
	}
	seccomp_release(filter);
	return r;
}
