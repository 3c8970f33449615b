"""How a rule is run."""
