# SPDX-License-Identifier: Apache-2.0
"""``gateway explain``: calls to come, and past ones."""
