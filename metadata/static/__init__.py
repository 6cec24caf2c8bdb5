"""Static metadata: what the CSV files in `seeds/` say, read and checked without a database."""
