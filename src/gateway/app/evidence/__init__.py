# SPDX-License-Identifier: Apache-2.0
"""The log of an installation put to use: proofs, witnesses, stamps, archives, incidents, exports."""
