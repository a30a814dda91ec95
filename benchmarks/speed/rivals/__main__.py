"""`python -m benchmarks.speed.rivals`."""

from benchmarks.speed.rivals.contests import main

if __name__ == "__main__":
    main()
