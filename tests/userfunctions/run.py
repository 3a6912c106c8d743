"""`python run.py FILE`: every test function of a file, one after the other, as pytest would; it starts more quickly."""

import importlib
import sys

if __name__ == "__main__":
    tests = vars(importlib.import_module(sys.argv[1]))
    for name, test in list(tests.items()):
        if name.startswith("test_"):
            test()
