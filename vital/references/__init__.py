"""Which images, patches and units are studied, and the quantile functions of what they activate."""
