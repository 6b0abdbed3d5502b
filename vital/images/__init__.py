"""Images: where they come from, which are drawn, how they become tensors."""
