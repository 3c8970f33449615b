"""Mutation testing of the rules: change one place, expect some case to fail."""
