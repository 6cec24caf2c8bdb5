"""Static metadata (seeds) and process metadata (deliveries, checks and runs)."""
