"""What if: a case with one fact changed, judged again, to find what would have made a silent rule
fire."""
