"""The simplest case of the process model: one process type, one process, that does its work and ends."""

import os

print(f"{os.environ['PS']} runs as pid {os.getpid()}")
for number in range(1, 4):
    print(f"{number} squared is {number * number}")
