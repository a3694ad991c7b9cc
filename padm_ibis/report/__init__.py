"""What a run, a check, a plan or a publication found: plain data, and how it is said."""
