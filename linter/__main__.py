"""`python -m linter` is the command `kefulint`."""

from linter.cli import run

if __name__ == "__main__":
    run()
