"""The state of a delivery from its events, and the work left for each layer."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Do nothing: its functions and views are files of `metadata/process/sql/` now."""


def downgrade() -> None:
    """Do nothing, as above."""
