"""What people look at: the page, figures, comparisons of runs and the tables of the paper."""
