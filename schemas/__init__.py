"""What a row is: the vocabulary of the extracts and of the results. Depends on nothing of ours."""
