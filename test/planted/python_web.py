"""A web process in Python that breaks one rule, by its name."""

import mmap
import os
import signal
import socket
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

kept = []


def database():
    db = sqlite3.connect("app.db", check_same_thread=False)
    db.execute("create table if not exists visits (at integer)")
    db.execute("insert into visits values (1)")
    db.commit()
    kept.append(db)


def segment():
    path = "/dev/shm/" + os.environ["SEGMENT"]
    with open(path, "a+b") as file:
        file.truncate(4096)
        kept.append(mmap.mmap(file.fileno(), 4096))


def shared_port():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", int(os.environ["SHARED_PORT"])))
    listener.listen()
    kept.append(listener)


def clean():
    import greeting

    kept.append(greeting.TEXT)


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


globals()[sys.argv[1]]()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Page).serve_forever()
