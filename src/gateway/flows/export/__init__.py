# SPDX-License-Identifier: Apache-2.0
"""An export of the log that goes on where the last one ended."""
