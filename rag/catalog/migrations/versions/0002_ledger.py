"""The ledger, chained by hash, in place of the bare decisions; purges, retention, releases by value"""

import sqlalchemy as sa
from alembic import op

from rag.catalog.columns import UtcDateTime
from rag.catalog.chain import GENESIS, entry_hash
from rag.errors import CatalogError

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ledger = op.create_table(
        "ledger",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("release", sa.String(), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.Column("fingerprints", sa.JSON(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_ledger_version", "ledger", ["version"])
    op.create_table(
        "erasure",
        sa.Column("document_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"]),
        sa.PrimaryKeyConstraint("document_id"),
    )
    op.create_index("ix_document_state", "document", ["state"])
    op.add_column("version", sa.Column("swept_at", UtcDateTime(), nullable=True))
    with op.batch_alter_table("evaluation") as batch:
        batch.add_column(sa.Column("corpus", sa.String(), nullable=False, server_default=""))
        batch.add_column(sa.Column("access_epoch", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("evaluation") as batch:
        batch.alter_column("corpus", server_default=None)
        batch.alter_column("access_epoch", server_default=None)
    op.add_column("release", sa.Column("settings", sa.JSON(), nullable=False, server_default="{}"))
    _chain_decisions(op.get_bind(), ledger)
    op.drop_table("decision")


def _chain_decisions(connection: sa.Connection, ledger: sa.Table) -> None:
    releases = sa.table("release", sa.column("id"), sa.column("digest"))
    decisions = sa.table(
        "decision",
        sa.column("id"),
        sa.column("decision"),
        sa.column("version"),
        sa.column("release_id"),
        sa.column("evaluation_id"),
        sa.column("reasons", sa.JSON()),
        sa.column("checks", sa.JSON()),
        sa.column("fingerprints", sa.JSON()),
        sa.column("approved", sa.Boolean()),
        sa.column("decided_at", UtcDateTime()),
    )
    digest_of = {
        row.id: row.digest for row in connection.execute(sa.select(releases.c.id, releases.c.digest))
    }
    previous, number = GENESIS, 0
    for row in connection.execute(sa.select(decisions).order_by(decisions.c.id)).all():
        number += 1
        details = {"evaluation": row.evaluation_id} if row.evaluation_id is not None else {}
        entry = {
            "number": number,
            "kind": row.decision,
            "version": row.version,
            "release": digest_of.get(row.release_id),
            "reasons": row.reasons,
            "checks": row.checks,
            "fingerprints": row.fingerprints,
            "details": {**details, "approved": True} if row.approved else details,
            "decided_at": row.decided_at,
            "previous": previous,
        }
        previous = entry_hash(**entry)
        connection.execute(sa.insert(ledger).values(**entry, hash=previous))
    if number:
        counter = sa.table("counter", sa.column("name"), sa.column("value"))
        connection.execute(sa.insert(counter).values(name="ledger", value=number))


def downgrade() -> None:
    raise CatalogError(
        "the ledger is never taken apart", next_step="Restore a backup of the older release."
    )
