"""Tests of law files and of what may still be collected."""
