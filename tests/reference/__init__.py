"""A second, independent reading of the data contract: plain Python over rows, no Ibis, no SQL.

Slow and literal on purpose. `tests/test_reference.py` demands that the warehouse and this agree on
every row of the sample university.
"""
