# SPDX-License-Identifier: Apache-2.0
"""Background work of a process, each a loop that can be stopped."""
