"""The static page of a run: a module and a template for each of its sections, named like it."""
