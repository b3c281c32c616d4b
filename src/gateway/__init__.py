# SPDX-License-Identifier: Apache-2.0
"""A privacy and security compliance gateway in front of marketing data stores."""

__version__ = "0.1.0"
