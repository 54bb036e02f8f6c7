"""Alembic's entry: migrates over the connection that the catalog hands in."""

from alembic import context
from sqlmodel import SQLModel

import rag.catalog.tables  # noqa: F401  (fills the metadata)

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True)
context.run_migrations()
