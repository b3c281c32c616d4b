# SPDX-License-Identifier: Apache-2.0
"""Proofs of identity: passwords, codes, bearers, client secrets."""
