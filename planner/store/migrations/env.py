"""Runs the migrations, on the URL handed over by `store.engine`, or on PLANNER_DATABASE_URL when called by hand."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import text

from planner.store.engine import connect
from planner.store.tables import Base

url = context.config.attributes.get("url") or os.environ.get("PLANNER_DATABASE_URL", "sqlite:///planner.db")
engine = connect(url)
try:
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            # A migration must not stand in a queue behind a long report and hold up everybody after it.
            connection.execute(text("SET lock_timeout = '30s'"))
            connection.commit()
        context.configure(
            connection=connection, target_metadata=Base.metadata, render_as_batch=connection.dialect.name == "sqlite"
        )
        with context.begin_transaction():
            context.run_migrations()
finally:
    engine.dispose()
