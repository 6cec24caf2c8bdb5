"""Publisher → S3 → raw: discovers offers, lands them in the archive, and loads them into raw tables."""
