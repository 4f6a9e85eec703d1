"""A receiver of OpenLineage as Marquez is one (`POST /api/v1/lineage`), which takes only what is right by the published
schemas and what OpenLineage's own client reads: 201 for that, 400 for what is no JSON, 401 without the token, 422 with
the reasons for the rest.

Usage: openlineage_receiver.py TOKEN FILE

Says where it listens and what it refuses, a line each; what it took is in FILE, an event a line.
"""

import http.server
import json
import sys

from openlineage_events import read
from openlineage_schemas import problems


def judge(body):
    """Status and reasons."""
    try:
        event = json.loads(body)
    except ValueError as error:
        return 400, [str(error)]
    found = problems(event)
    if not found:
        try:
            list(read(event))
        # Whatever its classes raise.
        except Exception as error:
            found = [f"OpenLineage's client: {error!r}"]
    return (422, found) if found else (201, [])


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    token, taken = None, None

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/api/v1/lineage":
            status, reasons = 404, [self.path]
        elif self.headers["Content-Type"] != "application/json":
            status, reasons = 415, [str(self.headers["Content-Type"])]
        elif self.headers["Authorization"] != f"Bearer {self.token}":
            status, reasons = 401, ["no token"]
        else:
            status, reasons = judge(body)
        if status == 201:
            self.taken.write(body.strip() + b"\n")
        else:
            print(f"refused {status}", *reasons, sep="; ", flush=True)
        answer = json.dumps({"code": status, "message": "; ".join(reasons)}).encode() if reasons else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments):
        pass


if __name__ == "__main__":
    Receiver.token = sys.argv[1]
    with open(sys.argv[2], "ab", buffering=0) as Receiver.taken:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        print("listening on", server.server_port, flush=True)
        server.serve_forever()
