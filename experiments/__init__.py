"""Questions about methods and networks, each answered by one command."""

import vital  # noqa: F401 (ahead of all that an experiment imports: it chooses how NumPy sorts)
