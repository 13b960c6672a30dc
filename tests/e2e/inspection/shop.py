# SPDX-License-Identifier: Apache-2.0
"""The edge that attack tools meet: the real agent with the starter rules, nginx with TLS, a shop behind it (peers/shop.py)."""
import collections
import pathlib
import re

import edge_host
import runner
import servers
import world

ORIGIN = f"https://{world.EDGE4}"
PORT = 8080
PACK = runner.SOURCE / "packaging/rules.yaml"
SERVICE = (("rate: 1000000/s}}}}\n    tls", "rate: 2000/s, burst: 4000}}}}\n    tls"), ("json: /user", "form: username"))
HTTP = f"""
  log_format seen '$msec $request_time $remote_addr';
  upstream shop {{ server 127.0.0.1:{PORT}; keepalive 64; }}
"""
SERVER = """
    access_log {dir}/seen.log seen;
    location / {{ try_files $uri @shop; }}
    location = / {{ return 200 "shop\\n"; }}
    location /assets/ {{ try_files $uri =404; }}
    location /img/ {{ try_files $uri =404; }}
    location @shop {{ proxy_pass http://shop; proxy_http_version 1.1; proxy_set_header Connection ""; }}
"""


def policy():
    """The starter pack as it is installed, but enforced, on a service as somebody would run it."""
    text = edge_host.POLICY
    for before, after in SERVICE:
        assert before in text
        text = text.replace(before, after)
    rules = re.sub(r",\s*mode: shadow", "", PACK.read_text())
    assert "mode: shadow}" not in rules
    return text + rules.replace("{", "{{").replace("}", "}}")


class Shop:
    def __init__(self, here):
        self.here, self.agent = here, edge_host.Agent(here, policy=policy(), memory="256MB")
        self.agent.running()
        here.start(pathlib.Path(__file__).resolve().parent / "peers/shop.py", PORT, port=PORT)
        assets = here.path("www") / "assets"
        assets.mkdir(parents=True)
        for i in range(12):
            (assets / f"part-{i}.js").write_text(f"// {i}\n" * 1000 * (i + 1))
        servers.Nginx(here, here.path("keys.sock"), listen="http2", http=HTTP, server=SERVER.format(dir=here.directory))

    def arrivals(self):
        """{address: [when]}: requests that came to nginx, by their first byte. Their end may be far from their answer: it lingers."""
        found = collections.defaultdict(list)
        for line in self.here.path("seen.log").read_text().splitlines():
            ended, took, address = line.split()
            found[address].append(float(ended) - float(took))
        return found

    def decisions(self):
        """{(address, rule): decision}."""
        return {(row["target"], row["origin"].removeprefix("rule:")): row for row in self.agent.json("decisions", "list")}
