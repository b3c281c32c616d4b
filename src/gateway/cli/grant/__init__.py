# SPDX-License-Identifier: Apache-2.0
"""``gateway grant|purpose|dataset``: rules read, asked for and reviewed."""
