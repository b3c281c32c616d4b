# SPDX-License-Identifier: Apache-2.0
"""``gateway rights`` and its commands."""
