"""The state that a delivery's events amount to, and what each layer has still to do."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Do nothing: its functions and views are files of `metadata/process/sql/` now."""


def downgrade() -> None:
    """Do nothing, as above."""
