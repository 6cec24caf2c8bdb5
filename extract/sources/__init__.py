"""The source types, one module or package each."""
