"""What answers a measurement is of; how judges agreed with people"""

import sqlalchemy as sa
from alembic import op

from rag.catalog.columns import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("evaluation", sa.Column("answering", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "calibration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("judge", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("labels", sa.String(), nullable=False),
        sa.Column("calibration", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_calibration_fingerprint", "calibration", ["fingerprint"])


def downgrade() -> None:
    op.drop_table("calibration")
    op.drop_column("evaluation", "answering")
