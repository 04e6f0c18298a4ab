# Runs a command on a terminal of its own, keeps what the terminal shows in a file, and types what comes by a
# FIFO: python3 terminal.py <FIFO> <copy> <command...>. Ends as the command does.
import os, pty, select, sys

keys_path, copy_path, *command = sys.argv[1:]
os.mkfifo(keys_path)
keys = os.open(keys_path, os.O_RDWR | os.O_NONBLOCK)
pid, master = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
with open(copy_path, "wb", buffering=0) as copy:
    while True:
        readable, _, _ = select.select([keys, master], [], [])
        if keys in readable:
            os.write(master, os.read(keys, 4096))
        if master in readable:
            try:
                chunk = os.read(master, 1 << 16)
            except OSError:  # The last one has closed the other end.
                break
            copy.write(chunk)
status = os.waitpid(pid, 0)[1]
if os.WIFSIGNALED(status):
    print(f"ended by signal {os.WTERMSIG(status)}")
    sys.exit(128 + os.WTERMSIG(status))
sys.exit(os.WEXITSTATUS(status))
