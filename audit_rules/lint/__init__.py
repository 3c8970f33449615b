"""Defects of policy documents."""
