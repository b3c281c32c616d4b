# SPDX-License-Identifier: Apache-2.0
"""A rehearsal: calls decided and not forwarded, or forwarded and not enforced."""
