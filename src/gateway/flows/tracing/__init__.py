# SPDX-License-Identifier: Apache-2.0
"""A list that leaked: to whom its surrogates were given, for what, and by which decisions."""
