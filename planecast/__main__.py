"""`python -m planecast` is the same as `planecast`."""

from planecast.cli import main

main()
