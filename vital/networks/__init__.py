"""Networks by name: how they are built, loaded, trained and read."""
