#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# Keycloak's standard token exchange (RFC 8693): a client's own token becomes one for another API alone.
. "$(dirname "$0")/lib.sh"
start_keycloak 26.7.3 || { not_ok "Keycloak starts" "$(tail -n 3 "$KC/log" | tr '\n' ' ')"; exit 1; }
fetch=$AID_BUILD/agentid-fetch
[ ! -x "$AID_BUILD/.libs/agentid-fetch" ] || fetch=$AID_BUILD/.libs/agentid-fetch
chmod 0755 "$STORY_DIR"
PYTHONDONTWRITEBYTECODE=1 python3 "$INTEGRATION/fetch_keycloak.py" "$STORY_DIR" "$fetch" "$AID_SRC" "$(cat "$KC/http")" ||
    failures=$((failures + 1))
[ "$failures" -eq 0 ]
