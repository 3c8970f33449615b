"""Reading policy files."""
