# SPDX-License-Identifier: Apache-2.0
"""Calls that others wrote down or copied: read, and never answered by a store's rows."""
