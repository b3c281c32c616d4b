# SPDX-License-Identifier: Apache-2.0
"""Words that all rooms share: frozen values, and what follows from them alone."""
