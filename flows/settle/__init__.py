"""Who is who, and what becomes of every claim row."""
