"""Publisher → S3 → raw: offers are found, landed in the archive, and loaded into raw tables."""
