"""`python -m smshub` is the command `smshub`."""

from smshub.cli.main import main

if __name__ == "__main__":
    main()
