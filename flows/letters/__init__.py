"""Letters to payees: findings with the amount asked for, and requests for records."""
