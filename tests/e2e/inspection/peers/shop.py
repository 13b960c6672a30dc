#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small shop behind a TLS server, with sessions, and with a search that is open to SQL injection: shop.py PORT.

Customers are customer0, customer1, … with the password right0, right1, …; customer N owns the orders 100·N … 100·N + 99.
"""
import http.server
import secrets
import socketserver
import sqlite3
import sys
import threading
import urllib.parse

LOGIN = b"<form method=post><input name=username><input name=password type=password></form>\n"
ORDERS_EACH = 100

goods = threading.local()
sessions = {}


def database():
    """This thread's own goods."""
    if not hasattr(goods, "base"):
        goods.base = sqlite3.connect(":memory:")
        goods.base.execute("CREATE TABLE goods (id INTEGER, name TEXT, price INTEGER)")
        goods.base.executemany("INSERT INTO goods VALUES (?, ?, ?)", [(i, f"thing {i}", 100 * i) for i in range(50)])
    return goods.base


class Shop(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"{}\n", **fields):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def customer(self):
        """Whose session it is, or None."""
        for part in self.headers.get("Cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == "sid":
                return sessions.get(value)
        return None

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        first, _, rest = url.path.strip("/").partition("/")
        if first == "login":
            return self.answer(200, LOGIN)
        if first == "search":
            return self.search(urllib.parse.parse_qs(url.query).get("q", [""])[0])
        if first == "orders" and rest.isdigit():
            return self.order(int(rest))
        if first == "items" and rest.isdigit():
            return self.answer(200, b'{"item": %s}\n' % rest.encode())
        return self.answer(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode("latin-1")
        if self.path == "/login":
            return self.login(urllib.parse.parse_qs(body))
        if self.customer() is None:
            return self.answer(401)
        return self.answer(200 if self.path in ("/cart", "/checkout", "/payment/card") else 404)

    def login(self, form):
        name, password = form.get("username", [""])[0], form.get("password", [""])[0]
        if not name.startswith("customer") or password != name.replace("customer", "right"):
            return self.answer(401, b"Wrong name or password\n")
        session = secrets.token_hex(16)
        sessions[session] = int(name.removeprefix("customer"))
        return self.answer(303, b"", Location="/", Set_Cookie=f"sid={session}; HttpOnly; Secure")

    def order(self, number):
        customer = self.customer()
        if customer is None:
            return self.answer(401)
        return self.answer(200 if number // ORDERS_EACH == customer else 403)

    def search(self, words):
        try:
            found = database().execute(f"SELECT id, name, price FROM goods WHERE name = 'thing {words}'").fetchall()
        except sqlite3.Error as error:
            return self.answer(500, f"SQL error: {error}\n".encode())
        return self.answer(200, "".join(f"{row}\n" for row in found).encode())


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 512


Server(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
