"""Law and contracts: until when an overpayment may be asked for, and what the letter must say."""
