"""`python -m pfd`: the command line, where the folder of scripts is not on the path."""

from pfd.cli import main

if __name__ == "__main__":
    main()
