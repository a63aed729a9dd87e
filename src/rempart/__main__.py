"""`python -m rempart` is the same as `rempart`."""

from rempart.cli.main import main

main()
