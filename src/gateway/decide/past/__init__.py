# SPDX-License-Identifier: Apache-2.0
"""Decisions of the past: made again, compared with others, and the rules that would have done."""
