"""What the stages write: one module per table or file, its name, columns, reading and writing."""
