"""What if: change one fact of a case and judge it again, to find what makes a silent rule fire."""
