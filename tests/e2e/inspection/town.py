# SPDX-License-Identifier: Apache-2.0
"""Hosts behind the other end of eth0, each with an address and a namespace of its own: people, and attackers with their tools."""
import json
import pathlib

import edge_host
import world

PROXY_SETTINGS = ("net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0")


def make_town():
    """eth0 as every live test has it; the world behind it forwards."""
    edge_host.make_link()
    for setting in PROXY_SETTINGS:
        name, _, value = setting.partition("=")
        world.run(*edge_host.IN_WORLD, "sh", "-c", f"echo {value} > /proc/sys/{name.replace('.', '/')}")


class Host:
    """One address in the world. What it starts ends with `here`."""
    made = 0

    def __init__(self, here, address):
        Host.made += 1
        self.here, self.address = here, address
        self.namespace, link = f"tg-host-{Host.made}", f"host-{Host.made}"
        self.inside = ("nsenter", f"--net=/run/netns/{self.namespace}")
        world.run("ip", "netns", "add", self.namespace)
        here.stack.callback(world.run, "ip", "netns", "delete", self.namespace)
        world.run(*edge_host.IN_WORLD, "ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns",
                  str(pathlib.Path("/run/netns") / self.namespace))
        for command in (("addr", "add", f"{address}/32", "dev", "eth0"), ("link", "set", "lo", "up"), ("link", "set", "eth0", "up"),
                        ("route", "add", edge_host.WORLD4, "dev", "eth0"), ("route", "add", "default", "via", edge_host.WORLD4)):
            world.run(*self.inside, "ip", *command)
        world.run(*edge_host.IN_WORLD, "ip", "link", "set", link, "up")
        world.run(*edge_host.IN_WORLD, "ip", "route", "add", f"{address}/32", "dev", link)

    def start(self, *command, **options):
        """Others' machines do not take processors from the edge: what runs there stands back."""
        return self.here.start(*self.inside, "nice", "-n", "10", *command, **options)


class People:
    """Customers with browsers behind one address: peers/browsers.js."""

    def __init__(self, here, address, first, many):
        self.file = here.unique("people.json")
        self.process = Host(here, address).start(
            "node", pathlib.Path(__file__).resolve().parent / "peers/browsers.js", f"https://{world.EDGE4}", first, many, self.file)

    def report(self):
        """{requests, lost, slowest_ms} until now."""
        return json.loads(self.file.read_text()) if self.file.exists() else {"requests": 0, "lost": [], "slowest_ms": 0}
