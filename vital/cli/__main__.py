"""``python -m vital.cli``, where the command vital is not on the PATH."""

from vital.cli import main

if __name__ == "__main__":
    main()
