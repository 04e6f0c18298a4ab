# Reads a little, then nothing until the file `go` is there or nobody writes any more, then all:
# python3 slow-reader.py <go> <copy>
import os, select, sys, time

go, copy = sys.argv[1:]
with open(copy, "wb") as out:
    out.write(os.read(0, 4096))
    poll = select.poll()
    poll.register(0, select.POLLHUP)
    while not os.path.exists(go) and not poll.poll(0):
        time.sleep(0.01)
    while chunk := os.read(0, 1 << 16):
        out.write(chunk)
