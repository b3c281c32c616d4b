# SPDX-License-Identifier: Apache-2.0
"""A store's own log laid beside the gateway's."""
