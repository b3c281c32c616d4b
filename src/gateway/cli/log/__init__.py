# SPDX-License-Identifier: Apache-2.0
"""``gateway log`` and its commands."""
