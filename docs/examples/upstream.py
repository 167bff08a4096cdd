"""An upstream that doubles numbers, each task's once: python3 upstream.py 9000"""
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = {}  # By key, because a delivery may come twice. A real one keeps them in its database.

class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # Connections stay open, ...
    wbufsize = -1  # ... and an answer leaves in one piece.

    def do_POST(self):
        payload = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            answer = {"doubled": 2 * json.loads(payload)["number"]}
            self.answer(200, ANSWERS.setdefault(self.headers["Idempotency-Key"], answer))
        except (ValueError, KeyError, TypeError):
            self.answer(422, {"wrong": "send {\"number\": 1}"})

    def answer(self, status, document):
        text = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Upstream)
print(server.server_address[1], flush=True)
server.serve_forever()
