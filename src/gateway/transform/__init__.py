# SPDX-License-Identifier: Apache-2.0
"""Rows in, rows out: cut, decoded, withheld, dropped, masked, surrogated, encoded; in constant memory."""
