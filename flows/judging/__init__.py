"""What the rules are given, and for whom."""
