"""`python -m linter` is the command `kefulint`."""

from linter.cli import main

if __name__ == "__main__":
    main()
