#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every TLS feature that servers and clients use, made by real ones: what tidegate reads is what tshark reads."""
import subprocess
import sys

sys.dont_write_bytecode = True
import clients  # noqa: E402
import inspector  # noqa: E402
import runner  # noqa: E402
import servers  # noqa: E402
import wireshark  # noqa: E402
import world  # noqa: E402
from scene import Scene  # noqa: E402

SUITES12 = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305",
            "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305",
            "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES256-SHA384",
            "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA", "ECDHE-RSA-AES256-SHA384",
            "AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA256")
SUITES13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256",
            "TLS_AES_128_CCM_8_SHA256")
ALL13 = "ssl_conf_command Ciphersuites " + ":".join(SUITES13) + ";"
ENCRYPT_THEN_MAC = "tls.handshake.type == 2 && tls.handshake.extension.type == 22"  # agreed to by the server (RFC 7366)
RETRY_RANDOM = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"  # of a HelloRetryRequest (RFC 8446, 4.1.3)
REQUEST = clients.get("/small", close=True).encode()


def several(suite):
    """Three requests on one connection, one of them large."""
    return [f"https://{world.EDGE4}/{path}" for path in ("small", "large", "created")]


class Tls(Scene):
    def fetch(self, *options, urls=None):
        urls = urls or several("")
        done = subprocess.run(["curl", "-sk", "--max-time", "20", *options, *[word for url in urls for word in ("-o", "/dev/null", url)]],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, f"{options}: {done.stderr}")
        return len(urls)

    def assert_happened(self, least, filter_):
        """tshark finds at least so many frames: the feature was used, not just asked for."""
        self.assertGreaterEqual(wireshark.count(self.pcap, self.plain, filter_), least, filter_)

    def suites12(self, **options):
        servers.Nginx(self.here, self.socket, **options)
        count = 0
        with self.traffic():
            for suite in SUITES12:
                count += self.fetch("--http1.1", "--tls-max", "1.2", "--ciphers", f"{suite}:@SECLEVEL=0")
        seen = self.judge(count, decrypted=len(SUITES12))
        self.assertEqual({row["tls"] for row in seen.rows}, {"1.2"})

    def test_every_suite_of_tls_1_2(self):
        self.suites12()
        self.assert_happened(sum(suite.endswith(("SHA", "SHA256", "SHA384")) and "GCM" not in suite for suite in SUITES12),
                             ENCRYPT_THEN_MAC)

    def test_cbc_without_encrypt_then_mac(self):
        self.suites12(server="ssl_conf_command Options -EncryptThenMac;")
        self.assertEqual(wireshark.count(self.pcap, self.plain, ENCRYPT_THEN_MAC), 0)

    def test_every_suite_of_tls_1_3(self):
        servers.Nginx(self.here, self.socket, server=ALL13)
        count = 0
        with self.traffic():
            for suite in SUITES13:
                count += self.fetch("--http1.1", "--tlsv1.3", "--tls13-ciphers", suite)
        seen = self.judge(count, decrypted=len(SUITES13))
        self.assertEqual({row["tls"] for row in seen.rows}, {"1.3"})
        self.assertEqual({row["alpn"] for row in seen.rows}, {"http/1.1"})

    def test_a_suite_that_is_not_read_is_counted(self):
        servers.Nginx(self.here, self.socket, server="ssl_ciphers CAMELLIA128-SHA:@SECLEVEL=0;")
        with self.traffic():
            self.fetch("--http1.1", "--tls-max", "1.2", "--ciphers", "CAMELLIA128-SHA:@SECLEVEL=0")
        seen = inspector.inspect(self.pcap, self.extended)
        self.assertEqual(seen.rows, [])
        self.assertEqual(seen.statistics["unsupported_cipher"], 1, seen.statistics)

    def resume(self, *options, **server):
        """Three connections, the later ones resuming the first."""
        servers.Nginx(self.here, self.socket, **server)
        session = self.here.path("session")
        with self.traffic():
            said = clients.s_client(self.here, *options, "-sess_out", session, "-ign_eof", say=[(REQUEST, 0)], until=b"closed")
            for _ in range(2):
                said = clients.s_client(self.here, *options, "-sess_in", session, "-ign_eof", say=[(REQUEST, 0)], until=b"closed")
                self.assertIn(b"Reused, TLSv1", said)
        self.judge(3, decrypted=3)

    def test_resumption_by_session_id(self):
        self.resume("-tls1_2", "-no_ticket", server="ssl_session_cache shared:test:1m; ssl_session_tickets off;")

    def test_resumption_by_ticket(self):
        self.resume("-tls1_2")

    def test_resumption_by_psk(self):
        self.resume("-tls1_3")

    def test_early_data(self):
        servers.Nginx(self.here, self.socket, server="ssl_early_data on;")
        session, early = self.here.path("session"), self.here.path("early")
        early.write_bytes(clients.get("/created", close=True).encode())
        with self.traffic():
            clients.s_client(self.here, "-tls1_3", "-sess_out", session, "-ign_eof", say=[(REQUEST, 0)], until=b"closed")
            said = clients.s_client(self.here, "-tls1_3", "-sess_in", session, "-early_data", early, "-ign_eof", until=b"closed")
            self.assertIn(b"Early data was accepted", said)
        # nginx answers and closes before it has made the client's last key: what would need it is only the client's goodbye.
        seen = self.judge(2, decrypted=2, no_key=1)
        self.assertEqual(len(seen.of("/created")), 1)

    def test_early_data_that_is_rejected(self):
        nginx = servers.Nginx(self.here, self.socket, server="ssl_early_data on;")
        session, early = self.here.path("session"), self.here.path("early")
        early.write_bytes(clients.get("/created", close=True).encode())
        with self.traffic():
            clients.s_client(self.here, "-tls1_3", "-sess_out", session, "-ign_eof", say=[(REQUEST, 0)], until=b"closed")
            old = nginx.workers()
            nginx.config.write_text(nginx.config.read_text().replace("ssl_early_data on", "ssl_early_data off"))
            nginx.reload()
            world.until(lambda: nginx.workers() and not nginx.workers() & old, what="a new worker")
            clients.s_client(self.here, "-tls1_3", "-sess_in", session, "-early_data", early, "-ign_eof",
                             say=[(clients.get("/nothing", close=True).encode(), 0)], until=b"closed")
        seen = self.judge(2, decrypted=2)
        self.assertEqual(len(seen.of("/created")), 0, "what the server never read is no request")
        self.assertEqual(len(seen.of("/nothing")), 1)

    def test_hello_retry_request(self):
        servers.Nginx(self.here, self.socket, server="ssl_ecdh_curve secp384r1;")
        with self.traffic():
            count = self.fetch("--http1.1", "--tlsv1.3", "--curves", "X25519:P-384")
        self.judge(count, decrypted=1)
        self.assert_happened(1, f"tls.handshake.type == 2 && tls.handshake.random == {RETRY_RANDOM}")
        self.assert_happened(2, "tls.handshake.type == 2")

    def s_server(self, *options):
        cert, key = self.here.certificate("ec")
        self.here.start("openssl", "s_server", "-accept", 443, "-cert", cert, "-key", key, "-www", "-quiet", *options,
                        env=servers.preload(self.socket), port=443)

    def judge_s_server(self, count):
        """tshark sees no end of these answers, so only requests are compared."""
        seen = inspector.inspect(self.pcap, self.extended)
        judged = wireshark.requests(self.pcap, self.plain)
        self.assertEqual(len(judged), count)
        self.assertEqual([row["path"] for row in seen.rows], [request.path for request in judged])
        self.assertEqual([row["status"] for row in seen.rows], [200] * count)

    def test_key_update(self):
        self.s_server()
        with self.traffic():
            for key in (b"k\n", b"K\n", b"K\nk\nK\n"):
                clients.s_client(self.here, "-tls1_3", say=[(key, 0.1), (REQUEST, 0)], until=b"</HTML>")
        self.judge_s_server(3)
        self.assert_happened(4, "tls.handshake.type == 24")

    def test_renegotiation(self):
        self.s_server("-client_renegotiation")
        with self.traffic():
            for cipher in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-CHACHA20-POLY1305"):
                said = clients.s_client(self.here, "-tls1_2", "-cipher", cipher + ":@SECLEVEL=0",
                                        say=[(b"R\n", 0.2), (b"R\n", 0.2), (REQUEST, 0)], until=b"</HTML>")
                self.assertIn(b"RENEGOTIATING", said)
        self.judge_s_server(3)

    def test_addresses_of_both_families_and_small_segments(self):
        servers.Nginx(self.here, self.socket, listen="http2")
        world.set_mtu(1500)
        self.addCleanup(world.set_mtu, None)
        with self.traffic():
            count = self.fetch("--http1.1", "-6", urls=[f"https://[{world.EDGE6}]/{path}" for path in ("large", "small")])
            count += self.fetch("--http2", "--interface", world.CLIENT4)
        seen = self.judge(count, decrypted=2)
        self.assertEqual({row["client_ip"] for row in seen.rows}, {world.EDGE6, world.CLIENT4})

    def test_who_asks_and_for_what(self):
        servers.Nginx(self.here, self.socket, listen="http2")
        with self.traffic():
            self.fetch("--http2", "--resolve", f"edge.example:443:{world.EDGE4}", "-A", "a tester/1.0",
                       urls=["https://edge.example/small?b=secret&a=2"])
        row = self.judge(1).rows[0]
        self.assertEqual((row["sni"], row["alpn"], row["tls"], row["http"]), ("edge.example", "h2", "1.3", "2"))
        self.assertEqual((row["query_keys"], row["user_agent"]), (["b", "a"], "a tester/1.0"))
        self.assertRegex(row["ja4"], r"^t13d\d{4}h2_[0-9a-f]{12}_[0-9a-f]{12}$")
        self.assertEqual((row["server_ip"], row["server_port"]), (world.EDGE4, 443))

    def test_tickets_resumed_by_curl_in_many_connections(self):
        servers.Nginx(self.here, self.socket, listen="http2")
        with self.traffic():
            world.run("h2load", "-n", 200, "-c", 20, "-m", 4, f"https://{world.EDGE4}/small", timeout=30)
            world.run("h2load", "-n", 100, "-c", 20, "--h1", f"https://{world.EDGE4}/medium", timeout=30)
        self.judge(300, decrypted=40)


if __name__ == "__main__":
    runner.main()
