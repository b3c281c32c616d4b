# SPDX-License-Identifier: Apache-2.0
"""Processes: supervisor, doors and worker, their signals, and how one program follows another."""
