# SPDX-License-Identifier: Apache-2.0
"""``gateway user|client|lock``: who may sign in, and from whom everything is taken."""
