# SPDX-License-Identifier: Apache-2.0
"""Rule files read and judged: text in, rules or problems with file and line out."""
