# SPDX-License-Identifier: Apache-2.0
"""The sample store with made-up people, and the tour."""
