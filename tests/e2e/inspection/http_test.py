#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP as real servers and clients speak it: what tidegate reads is what tshark reads, and what the server counted."""
import base64
import json
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
import clients  # noqa: E402
import inspector  # noqa: E402
import runner  # noqa: E402
import servers  # noqa: E402
import wireshark  # noqa: E402
import world  # noqa: E402
from clients import Connection, get  # noqa: E402
from scene import Scene  # noqa: E402
from websocket_server import frame, read_frame  # noqa: E402

UUID = "3f1c0d9e-7a52-4c0b-9b7e-0d7b0a4f2a11"


class Http1(Scene):
    def setUp(self):
        super().setUp()
        self.nginx = servers.Nginx(self.here, self.socket)

    def compare_sizes(self):
        """Head and body of both sides, as nginx itself counted them."""
        world.until(lambda: len(self.nginx.log()) >= len(self.inspection.rows), what="nginx logs every request")
        counted = self.nginx.log()
        ours = [(row["method"], row["path"], row["status"], row["request_bytes"], row["response_bytes"])
                for row in self.inspection.rows]
        self.assertEqual(sorted(ours), sorted(counted))

    def test_methods_statuses_and_sizes(self):
        upload = self.here.path("upload")
        upload.write_bytes(b"x" * 150_000)
        with self.traffic():
            for options in ([], ["-I"], ["-X", "DELETE"], ["-X", "OPTIONS"], ["--http1.0"]):
                clients.curl("/small", "--http1.1", *options)
            for path in ("/medium", "/large", "/nothing", "/moved", "/forbidden", "/gone", "/missing", "/created"):
                clients.curl(path, "--http1.1")
            clients.curl("/upload", "--http1.1", "--data-binary", f"@{upload}", "-H", "Expect:")
            clients.curl("/upload", "--http1.1", "-d", "user=a&password=b")
        self.judge(15)
        self.compare_sizes()
        self.assertEqual({row["http"] for row in self.inspection.rows}, {"1.0", "1.1"})

    def test_keep_alive_and_pipelining(self):
        with self.traffic():
            connection = Connection()
            connection.send(*[get(f"/small?{i}") for i in range(50)])
            connection.send("".join(get(f"/medium?{i}") for i in range(50)))
            connection.send(get("/created", close=True))
            connection.receive_all()
            connection.close()
        self.judge(101, decrypted=1)
        self.compare_sizes()

    def test_heads_in_a_pipeline(self):
        """tshark takes the next response for the body of a HEAD; nginx knows better."""
        with self.traffic():
            connection = Connection()
            connection.send("".join(get(path, method=method) for path in ("/small", "/nothing", "/large", "/moved")
                                    for method in ("HEAD", "GET")) + get("/created", close=True))
            connection.receive_all()
            connection.close()
        self.inspection = inspector.inspect(self.pcap, self.extended)
        self.assertEqual(len(self.inspection.rows), 9)
        self.compare_sizes()

    def test_chunked_bodies_and_100_continue(self):
        upload = self.here.path("upload")
        upload.write_bytes(b"y" * 70_000)
        with self.traffic():
            clients.curl("/upload", "--http1.1", "-H", "Transfer-Encoding: chunked", "--data-binary", f"@{upload}")
            clients.curl("/upload", "--http1.1", "-H", "Expect: 100-continue", "--data-binary", f"@{upload}")
            connection = Connection()
            connection.send("POST /upload HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n",
                            "5;an=extension\r\nhello\r\n", "1\r\n", ".\r\n", "0\r\nTrailer: value\r\n\r\n", get("/small", close=True))
            connection.receive_all()
            connection.close()
        seen = self.judge(4)
        self.assertEqual([row["status"] for row in seen.of("/upload")], [202, 202, 202])
        self.assertTrue(all(row["request_bytes"] > 70_000 for row in seen.of("/upload")[:2]))

    def test_paths_and_queries(self):
        with self.traffic():
            for path in ("/small?token=planted&page=2&token=3", "/users/1234/orders/99", f"/files/{UUID}",
                         "/blob/d41d8cd98f00b204e9800998ecf8427e", "/small?", "/a%20b/c?x", "/small#fragment"):
                clients.curl(path, "--http1.1", "--path-as-is")
        seen = self.judge(7)
        templates = {row["path"]: row["path_template"] for row in seen.rows}
        self.assertEqual(templates["/users/1234/orders/99"], "/users/{}/orders/{}")
        self.assertEqual(templates[f"/files/{UUID}"], "/files/{}")
        self.assertEqual(templates["/blob/d41d8cd98f00b204e9800998ecf8427e"], "/blob/{}")
        self.assertEqual(sorted(set(seen.rows[0]["query_keys"])), ["page", "token"])

    def test_a_response_without_length(self):
        """It ends with the connection, as with servers of HTTP/1.0."""
        with self.traffic():
            connection = Connection()
            connection.send("GET /small HTTP/1.0\r\n\r\n")
            connection.receive_all()
            connection.close()
        self.assertEqual(self.judge(1).rows[0]["http"], "1.0")

    def test_cleartext(self):
        servers.Nginx(self.here_too(), None, port=80 + 8000, cleartext="listen 80;")
        with self.traffic():
            for path in ("/small", "/large?q=1", "/missing"):
                clients.curl(path, port=80, scheme="http")
        seen = self.judge(3, ports=(80,))
        self.assertEqual({row["tls"] for row in seen.rows}, {None})

    def here_too(self):
        other = world.World()
        self.addCleanup(other.close)
        return other


class WebSocket(Scene):
    def test_frames_are_counted(self):
        cert, key = self.here.certificate("ec")
        self.here.start("/usr/bin/python3", servers.PEERS / "websocket_server.py", 443, cert, key,
                        env=servers.preload(self.socket), port=443)
        with self.traffic():
            connection = Connection()
            connection.send(get("/chat?room=1", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                                "Sec-WebSocket-Key: " + base64.b64encode(b"0123456789abcdef").decode()))
            connection.receive_until(b"\r\n\r\n")
            sizes = (0, 5, 125, 126, 65535, 65536, 100_000)
            for size in sizes:
                connection.send(frame(2, b"\x07" * size, mask=b"abcd"))
                self.assertEqual(len(read_frame(connection.socket)[1]), size)
            connection.send(frame(8, b"", mask=b"abcd"))
            read_frame(connection.socket)
            connection.close()
        row = self.judge(1).rows[0]
        self.assertEqual((row["status"], row["path"]), (101, "/chat"))
        frames, payload = len(sizes) + 1, sum(sizes)
        self.assertEqual(row["websocket"], {"client_frames": frames, "server_frames": frames, "client_bytes": payload,
                                            "server_bytes": payload})


class Http2(Scene):
    def nghttp(self, *arguments):
        return world.run("nghttp", "-n", "-y", *arguments)

    def test_many_streams(self):
        servers.Nginx(self.here, self.socket, listen="http2")
        base = f"https://{world.EDGE4}"
        with self.traffic():
            self.nghttp("-m", 20, f"{base}/small", f"{base}/missing")
            self.nghttp("--padding=64", "-H", "x-large: " + "y" * 9000, f"{base}/medium")
            world.run("h2load", "-n", 300, "-c", 3, "-m", 30, f"{base}/small")
            clients.curl("/large?x=1", "--http2")
        self.judge(324)

    def test_uploads_and_content_length(self):
        servers.Nginx(self.here, self.socket, listen="http2")
        upload = self.here.path("upload")
        upload.write_bytes(b"x" * 90_000)
        with self.traffic():
            clients.curl("/upload", "--http2", "--data-binary", f"@{upload}")
            self.nghttp("-d", upload, f"https://{world.EDGE4}/upload")
            self.nghttp("-d", upload, "--no-content-length", "--trailer", "a: b", f"https://{world.EDGE4}/upload")
        seen = self.judge(3)
        self.assertTrue(all(90_000 < row["request_bytes"] < 91_000 for row in seen.rows), seen.rows)

    def nghttpd(self, *options):
        world.need("nghttpd")
        cert, key = self.here.certificate("ec")
        www = self.here.path("www")
        www.mkdir(exist_ok=True)
        (www / "file").write_bytes(b"z" * 5000)
        self.here.start("nghttpd", "-d", www, *options, 443, key, cert, env=servers.preload(self.socket), port=443)

    def test_trailers_and_grpc_status(self):
        self.nghttpd("--trailer", "grpc-status: 13", "--trailer", "grpc-message: planted")
        with self.traffic():
            self.nghttp("-H", "content-type: application/grpc", "-H", "te: trailers", "-H", ":method: POST",
                        f"https://{world.EDGE4}/file")
        row = self.judge(1).rows[0]
        self.assertEqual((row["grpc_status"], row["status"], row["method"]), (13, 200, "POST"))
        self.assertNotIn("planted", self.inspection.text)

    def test_continuation_and_header_tables(self):
        """A head in several frames; HPACK tables of other sizes on both sides; each connection begins anew."""
        self.nghttpd("-c", 65536, "--encoder-header-table-size", 16384)
        url = f"https://{world.EDGE4}/file"
        with self.traffic():
            self.nghttp("--continuation", "-m", 5, "-c", 0, url)
            self.nghttp("--continuation", "-m", 5, "-c", 32768, "--encoder-header-table-size", 32768, "-H", "x: " + "v" * 3000, url)
            self.nghttp("-m", 3, url)
        self.judge(13)

    def test_streams_that_are_reset(self):
        """A client that leaves in the middle of a response; the requests after it are read as before."""
        servers.Nginx(self.here, self.socket, listen="http2", server="location /slow { limit_rate 20k; alias %s/www/large; }"
                      % self.here.directory)
        with self.traffic():
            world.run("curl", "-sk", "--http2", "--max-time", 1, "-o", "/dev/null", f"https://{world.EDGE4}/slow", check=False)
            world.run("curl", "-sk", "--http2", "--parallel", "--parallel-immediate", "--parallel-max", 4, "--max-filesize", 1000,
                      *[word for i in range(4) for word in ("-o", "/dev/null", f"https://{world.EDGE4}/medium?{i}")], check=False)
            clients.curl("/small", "--http2")
        seen = self.judge(6)
        self.assertEqual(len(seen.of("/small")), 1)

    def test_cleartext_with_prior_knowledge_and_by_upgrade(self):
        servers.Apache(self.here, self.socket)
        base = f"http://{world.EDGE4}:80"
        with self.traffic():
            clients.curl("/small", "--http2-prior-knowledge", port=80, scheme="http")
            said = self.nghttp("-v", "-u", "-m", 2, f"{base}/small")
            clients.curl("/small", "--http2", port=80, scheme="http")
        seen = inspector.inspect(self.pcap)
        # Apache may say GOAWAY when it has answered the request that asked for HTTP/2 before it reads the second one.
        second = 200 if said.stdout.count(":status: 200") == 2 else None
        self.assertEqual([(row["method"], row["path"], row["status"]) for row in seen.rows],
                         [("GET", "/small", status) for status in (200, 200, second, 200)])
        self.assertEqual(seen.statistics["malformed_http"], 0)

    def test_apache(self):
        servers.Apache(self.here, self.socket)
        with self.traffic():
            for options in (["--http2"], ["--http1.1"], ["--http1.1", "--tls-max", "1.2"], ["-I", "--http2"]):
                clients.curl("/small", *options)
        self.judge(4, decrypted=4)


POLICY = """\
version: 1
interfaces: [{{name: eth0, mode: native}}]
trusted_proxies: [{proxies}]
services:
  - name: web
    match: [tcp/443, tcp/8443]
    limits: {{packets: {{rate: 100000/s}}}}
    tls: {{inspect: true}}
    session: {session}
    account: {account}
"""


class Proxies(Scene):
    def policy(self, proxies="192.0.2.1", session="{cookie: sid}", account="{json: /user/name}"):
        return self.here.write("policy.yaml", POLICY.format(proxies=proxies, session=session, account=account))

    def haproxy_before_nginx(self, how):
        servers.Nginx(self.here, self.socket, port=8443, listen="proxy_protocol")
        servers.Haproxy(self.here, self.socket, bind="", frontend="default_backend web",
                        backend=f"backend web\n  server nginx {world.EDGE4}:8443 ssl verify none {how}")
        with self.traffic():
            for options in (["--http1.1"], ["--http2"], ["--http1.1", "--tls-max", "1.2"]):
                clients.curl("/small", *options, "--interface", world.CLIENT4)
        seen = self.judge_behind(3)
        self.assertEqual({row["proxied_ip"] for row in seen}, {world.CLIENT4})

    def judge_behind(self, count):
        found = inspector.inspect(self.pcap, self.extended, policy=self.policy())
        inspector.assert_contract(self, found)
        # tshark does not read TLS behind a PROXY header: it judges what came to HAProxy.
        before = [row for row in found.rows if row["server_port"] == 443]
        judged = [request for request in wireshark.requests(self.pcap, self.plain) if request.client_ip == world.CLIENT4]
        self.assertEqual([(row["path"], row["status"]) for row in before], [(request.path, request.status) for request in judged])
        behind = [row for row in found.rows if row["server_port"] == 8443]
        self.assertEqual([(row["method"], row["path"], row["status"]) for row in behind], [("GET", "/small", 200)] * count)
        return behind

    def test_proxy_protocol_1(self):
        self.haproxy_before_nginx("send-proxy")

    def test_proxy_protocol_2(self):
        self.haproxy_before_nginx("send-proxy-v2 proxy-v2-options ssl,crc32c,unique-id")

    def test_forwarded_for_is_believed_from_trusted_proxies_only(self):
        servers.Nginx(self.here, self.socket)
        with self.traffic():
            for source in (world.CLIENT4, world.EDGE4):
                clients.curl("/small", "--http1.1", "--interface", source, "-H", "X-Forwarded-For: 203.0.113.9, 203.0.113.50")
        found = inspector.inspect(self.pcap, self.extended, policy=self.policy())
        self.assertEqual({row["client_ip"]: row["proxied_ip"] for row in found.rows},
                         {world.CLIENT4: None, world.EDGE4: "203.0.113.50"})

    def test_who_it_is_is_told_by_a_hash_only(self):
        servers.Nginx(self.here, self.socket, listen="http2")
        with self.traffic():
            for i, version in enumerate(("--http1.1", "--http2")):
                for name in ("alice", "bob"):
                    clients.curl(f"/upload?pass=planted-{name}", version, "-H", "Content-Type: application/json", "-H",
                                 f"Authorization: Bearer planted-{name}", "-b", f"other=x; sid=planted-{name}; y=z",
                                 "-d", json.dumps({"user": {"name": f"planted-{name}", "n": i}, "password": "planted"}))
        found = inspector.inspect(self.pcap, self.extended, policy=self.policy())
        self.assertEqual(len(found.rows), 4)
        sessions, accounts = [row["session"] for row in found.rows], [row["account"] for row in found.rows]
        self.assertEqual((sessions[0], sessions[1]), (sessions[2], sessions[3]))
        self.assertEqual((accounts[0], accounts[1]), (accounts[2], accounts[3]))
        self.assertEqual(len({*sessions, *accounts}), 4)
        self.assertNotIn(None, sessions + accounts)
        self.assertNotIn("planted", found.text)
        self.assertNotIn(base64.b64encode(b"planted").decode()[:9], found.text)
        other = inspector.inspect(self.pcap, self.extended, policy=self.policy())
        self.assertNotEqual(other.rows[0]["session"], sessions[0], "the key of the hash is made anew each time")


if __name__ == "__main__":
    runner.main()
