"""The page of a run: summary.html, one file that a browser opens without a network."""
