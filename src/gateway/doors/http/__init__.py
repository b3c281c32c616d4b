# SPDX-License-Identifier: Apache-2.0
"""The data door and the gateway's own paths over HTTP. Starlette lives here."""
