"""Where a warehouse is kept: one module an engine, all of them `base.Backend`."""
