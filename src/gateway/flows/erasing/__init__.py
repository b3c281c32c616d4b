# SPDX-License-Identifier: Apache-2.0
"""A person erased in the gateway: made unreadable at once, and kept from coming back."""
