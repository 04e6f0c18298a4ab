"""Serves the app on 127.0.0.1:$PORT, a thread for each request, and finishes what is in flight at SIGTERM."""

import os
import signal
import sys
import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = False  # server_close waits for their answers
    request_queue_size = 128


class Handler(WSGIRequestHandler):
    timeout = 3  # a connection that sends nothing holds nobody up for long

    def log_message(self, form, *values):
        print(form % values)


def main():
    port = int(os.environ["PORT"])
    app = get_wsgi_application()
    if settings.COMPILE_AT == "start":
        call_command("compress", force=True)
    elif settings.COMPILE_AT == "build" and not (settings.STATIC_ROOT / "CACHE/manifest.json").exists():
        sys.exit("the assets are not compiled: run the build stage first, with tw-run run build")
    server = Server(("127.0.0.1", port), Handler)
    server.set_app(app)
    # shutdown waits for serve_forever, which this thread is in.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"listening on http://127.0.0.1:{port}")
    server.serve_forever(poll_interval=0.05)
    server.server_close()


main()
