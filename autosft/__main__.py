"""`python -m autosft`."""

from autosft.cli import main

if __name__ == "__main__":
    main()
