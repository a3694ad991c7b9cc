"""The engine: collects models, orders them, builds, validates and publishes."""
