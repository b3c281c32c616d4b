# SPDX-License-Identifier: Apache-2.0
"""What this caller may do, as OpenAPI 3.1: one document, written from what the rules offer."""
