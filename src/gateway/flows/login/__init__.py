# SPDX-License-Identifier: Apache-2.0
"""Signing in and out: people with two factors, services with their secret."""
