"""Tests of importing public tables."""
