"""The loop that makes images, and where it runs."""
