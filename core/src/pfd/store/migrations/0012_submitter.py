"""Who has submitted each job: a shared store is used by several people and machines."""

import sqlalchemy as sa
from alembic import op

revision = "pfd_0012"
down_revision = "pfd_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pfd_job", sa.Column("submitter", sa.String(200), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    op.drop_column("pfd_job", "submitter")
