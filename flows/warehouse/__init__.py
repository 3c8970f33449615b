"""The DuckDB file: layout, access and what the next run may reuse."""
