"""Rows that fell out: with the value that was not taken, and the current keys about which they leave history silent."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Do nothing: its functions and views are files of `metadata/process/sql/` now."""


def downgrade() -> None:
    """Do nothing, as above."""
