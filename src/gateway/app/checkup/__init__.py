# SPDX-License-Identifier: Apache-2.0
"""What ``gateway doctor`` looks at, one file for each kind of thing that can be wrong."""
