"""What the record and history hold, as commands and pages show it."""
