"""Public tables from files into a folder of policies."""
