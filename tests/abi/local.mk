# SPDX-License-Identifier: LGPL-2.1-or-later
EXTRA_DIST += %D%/symbols.sh
TESTS += %D%/symbols.sh
