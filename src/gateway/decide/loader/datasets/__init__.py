# SPDX-License-Identifier: Apache-2.0
"""``datasets/*.yaml``: collections, their fields, routes, parameters and bodies."""
