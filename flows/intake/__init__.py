"""From the landing folder to typed rows."""
