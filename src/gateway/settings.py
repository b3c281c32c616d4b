# SPDX-License-Identifier: Apache-2.0
"""Environment and configuration files."""
