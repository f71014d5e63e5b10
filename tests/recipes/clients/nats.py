"""Speaks to the JetStream of a NATS server: nats.py URI create REPLICAS | publish TEXT | get NUMBER; the stream is ORDERS."""
import base64, json, socket, sys
from urllib.parse import unquote, urlsplit

uri, action, value = sys.argv[1:]
server = urlsplit(uri)
user = {"user": unquote(server.username), "pass": unquote(server.password)} if server.username else {}
lines = socket.create_connection((server.hostname, server.port), timeout=10).makefile("rwb")


def ask(subject, text):
    options = json.dumps({"verbose": False, "pedantic": False, "headers": True, "no_responders": True, **user})
    body = text.encode()
    lines.write(f"CONNECT {options}\r\nSUB answer 1\r\nPUB {subject} answer {len(body)}\r\n".encode() + body + b"\r\n")
    lines.flush()
    while line := lines.readline():
        words = line.split()
        if words[0] == b"-ERR":
            sys.exit(line.decode())
        if words[0] == b"HMSG":
            sys.exit("nobody answers")
        if words[0] == b"MSG":
            answer = json.loads(lines.read(int(words[-1])))
            return sys.exit(str(answer["error"])) if "error" in answer else answer
    sys.exit("the server went away")


if action == "create":
    stream = {"name": "ORDERS", "subjects": ["orders"], "num_replicas": int(value)}
    print(ask("$JS.API.STREAM.CREATE.ORDERS", json.dumps(stream))["config"]["num_replicas"])
elif action == "publish":
    print(ask("orders", value)["seq"])
else:
    message = ask("$JS.API.STREAM.MSG.GET.ORDERS", json.dumps({"seq": int(value)}))
    print(base64.b64decode(message["message"]["data"]).decode())
