# SPDX-License-Identifier: Apache-2.0
"""``gateway surrogate``: virtual IDs brought back, traced, put into stores, and proved to be unreadable."""
