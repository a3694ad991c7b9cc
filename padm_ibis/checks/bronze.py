"""Contracts of bronze: faithful copies of what a source returned."""

from __future__ import annotations
