"""The dbt project: its generated files, its manifest, and dbt run in this process."""
