# SPDX-License-Identifier: Apache-2.0
"""``gateway incident`` and its commands."""
