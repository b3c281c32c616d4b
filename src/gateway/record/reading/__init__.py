# SPDX-License-Identifier: Apache-2.0
"""A log read: from its end, from a place on, for its index, searched, told in other formats."""
