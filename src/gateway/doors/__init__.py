# SPDX-License-Identifier: Apache-2.0
"""Where requests come in. A door speaks to flows alone, and doors do not know each other."""
