# SPDX-License-Identifier: Apache-2.0
"""What the access flow is handed: everything with state, as small Protocols that ``app`` joins."""
