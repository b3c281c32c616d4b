# SPDX-License-Identifier: Apache-2.0
"""Virtual IDs joined: migrations, mandates, recipients, reveals, erasures and traces of lists."""
