# SPDX-License-Identifier: Apache-2.0
"""The way to stores: clients, bounds, breakers. The HTTP client lives here."""
