"""Proofs over a warehouse: that no feature sees the future, and which personal data reaches where."""
