"""Contracts of silver: dimensions, a bridge and facts."""

from __future__ import annotations
