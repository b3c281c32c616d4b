# SPDX-License-Identifier: Apache-2.0
"""What all rule files are made of: text, YAML nodes with their lines, keys by type, problems, times."""
