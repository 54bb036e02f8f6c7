"""Tenants, directories and when they were last heard, which rule was in force when, terms by revision"""

import sqlalchemy as sa
from alembic import op

from rag.catalog.columns import UtcDateTime, utcnow
from rag.errors import CatalogError

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("access_rule", sa.Column("tenant", sa.String(), nullable=True))
    op.create_table(
        "directory",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("observed_at", UtcDateTime(), nullable=False),
        sa.Column("max_age_seconds", sa.Integer(), nullable=True),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "rule_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"]),
        sa.ForeignKeyConstraint(["rule_id"], ["access_rule.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_rule_change_document_id", "rule_change", ["document_id"])
    op.create_table(
        "revision_terms",
        sa.Column("revision_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bm25", sa.String(), nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("revision_id", "bm25"),
    )
    _first_rules(op.get_bind())
    _known_directories(op.get_bind())


def _first_rules(connection: sa.Connection) -> None:
    """What is in force now began at some time before: from now on it is known."""
    documents = sa.table("document", sa.column("id"), sa.column("rule_id"))
    changes = sa.table(
        "rule_change", sa.column("document_id"), sa.column("rule_id"), sa.column("changed_at", UtcDateTime())
    )
    now = sa.literal(utcnow(), UtcDateTime())
    found = sa.select(documents.c.id, documents.c.rule_id, now)
    connection.execute(sa.insert(changes).from_select(["document_id", "rule_id", "changed_at"], found))


def _known_directories(connection: sa.Connection) -> None:
    members = sa.table(
        "membership", sa.column("origin"), sa.column("group"), sa.column("observed_at", UtcDateTime())
    )
    directory = sa.table(
        "directory",
        sa.column("name"),
        sa.column("observed_at", UtcDateTime()),
        sa.column("groups", sa.JSON()),
    )
    heard = connection.execute(
        sa.select(members.c.origin, sa.func.max(members.c.observed_at, type_=UtcDateTime())).group_by(
            members.c.origin
        )
    )
    for name, observed_at in heard.all():
        groups = connection.scalars(
            sa.select(members.c.group).distinct().where(members.c.origin == name).order_by(members.c.group)
        )
        row = {"name": name, "observed_at": observed_at, "groups": list(groups)}
        connection.execute(sa.insert(directory).values(**row))


def downgrade() -> None:
    raise CatalogError(
        "access is not forgotten again", next_step="Restore a backup of the older release."
    )
