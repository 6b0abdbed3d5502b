"""What can be known of a run before it begins, without weights: one module per kind of question.

A check yields a line for each fault. It may ask a run for what is not known; then it ends there.
"""
