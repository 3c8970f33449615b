"""The Excel work-paper exceptions.xlsx, in which an analyst decides about each exception."""
