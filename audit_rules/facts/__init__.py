"""What several rules look up about a line or a person."""
