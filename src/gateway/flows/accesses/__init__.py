# SPDX-License-Identifier: Apache-2.0
"""A person who asks who used their data."""
