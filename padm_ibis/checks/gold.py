"""Contracts of gold: marts and the feature store."""

from __future__ import annotations
