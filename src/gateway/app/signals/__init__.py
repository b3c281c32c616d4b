# SPDX-License-Identifier: Apache-2.0
"""Metrics: counted in shared memory by every process, told by any of them."""
