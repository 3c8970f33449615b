"""When and where: the only package that knows Prefect, DuckDB, files, logging and the clock."""
