"""What a table is, and all that can be known of it without data."""
