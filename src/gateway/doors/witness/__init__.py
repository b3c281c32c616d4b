# SPDX-License-Identifier: Apache-2.0
"""The door of a witness, as C2SP tlog-witness words it."""
