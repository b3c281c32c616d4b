# SPDX-License-Identifier: Apache-2.0
"""Keys at rest, and what is made under them. Cryptography lives here."""
