"""Tests of letters to payees."""
