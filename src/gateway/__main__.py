# SPDX-License-Identifier: Apache-2.0
"""Starts the command line: ``python -m gateway``."""
