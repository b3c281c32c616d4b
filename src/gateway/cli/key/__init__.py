# SPDX-License-Identifier: Apache-2.0
"""``gateway key`` and its commands."""
