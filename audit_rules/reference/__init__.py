"""What a code is."""
