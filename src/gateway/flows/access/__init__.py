# SPDX-License-Identifier: Apache-2.0
"""A call: who asks, what is decided, what is asked, changed, entered and released."""
