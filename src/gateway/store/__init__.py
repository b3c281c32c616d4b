# SPDX-License-Identifier: Apache-2.0
"""The gateway's own state in SQLite or PostgreSQL; each table has one owner. SQLAlchemy lives here."""
