"""The Excel work-paper exceptions.xlsx: where an analyst goes through the exceptions and says what becomes of each."""
