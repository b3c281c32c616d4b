# SPDX-License-Identifier: Apache-2.0
"""Proposals for a dataset from what a store says and sends. Pure; a guess is dropped until confirmed."""
