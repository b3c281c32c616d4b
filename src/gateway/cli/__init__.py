# SPDX-License-Identifier: Apache-2.0
"""The command line, one file a command: asks ``app``, prints. Heavy imports stand inside commands."""
