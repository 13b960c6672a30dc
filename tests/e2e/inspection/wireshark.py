# SPDX-License-Identifier: Apache-2.0
"""What tshark reads in a capture: the judge of the inspector."""
import dataclasses
import io
import subprocess
import xml.etree.ElementTree as xml

import world


@dataclasses.dataclass
class Request:
    """One request and its final response. `order` is that of its first frame in the capture."""
    client_ip: str
    client_port: int
    http: str
    method: str
    path: str
    status: int | None = None
    stream: int = 0
    order: int = 0

    def key(self):
        return (self.client_ip, self.client_port, self.http, self.method, self.path, self.status)


def fields(node, name):
    return [field.get("show") for field in node.iter("field") if field.get("name") == name]


def first(node, name):
    found = fields(node, name)
    return found[0] if found else None


def path_of(uri):
    return uri.split("?")[0]


class Reader:
    """Collects requests connection by connection."""

    def __init__(self, server_ports):
        self.ports = server_ports
        self.requests = []
        self.waiting = {}   # (stream) -> HTTP/1 requests without a response
        self.streams = {}   # (stream, HTTP/2 stream id) -> request

    def packet(self, packet):
        tcp = packet.find("proto[@name='tcp']")
        if tcp is None:
            return
        stream = int(first(tcp, "tcp.stream"))
        to_server = int(first(tcp, "tcp.dstport")) in self.ports
        ip = packet.find("proto[@name='ip']")
        if ip is None:
            ip = packet.find("proto[@name='ipv6']")
        side = "src" if to_server else "dst"
        client = first(ip, f"{ip.get('name')}.{side}"), int(first(tcp, f"tcp.{side}port"))
        for proto in packet.findall("proto"):
            if proto.get("name") == "http":
                self.http1(proto, stream, client)
            elif proto.get("name") == "http2":
                for frame in proto.findall("field[@name='http2.stream']"):
                    self.http2(frame, stream, client)

    def add(self, request):
        request.order = len(self.requests)
        self.requests.append(request)
        return request

    def http1(self, node, stream, client):
        method, code = first(node, "http.request.method"), first(node, "http.response.code")
        if method and method != "PRI":
            version = (first(node, "http.request.version") or "HTTP/1.1").removeprefix("HTTP/")
            request = self.add(Request(*client, version, method, path_of(first(node, "http.request.uri"))))
            self.waiting.setdefault(stream, []).append(request)
        elif code and (int(code) >= 200 or code == "101") and self.waiting.get(stream):
            self.waiting[stream].pop(0).status = int(code)

    def http2(self, frame, stream, client):
        number = int(first(frame, "http2.streamid") or 0)
        method, code = first(frame, "http2.headers.method"), first(frame, "http2.headers.status")
        if method and first(frame, "http2.type") in ("1", "9"):
            path = path_of(first(frame, "http2.headers.path") or "")
            self.streams[stream, number] = self.add(Request(*client, "2", method, path, stream=number))
        elif code and int(code) >= 200 and (stream, number) in self.streams:
            self.streams[stream, number].status = int(code)


def requests(pcap, keylog=None, ports=(443,), timeout=50):
    """Every request of the capture, in the order in which tshark saw them begin."""
    world.need("tshark")
    command = ["tshark", "-r", str(pcap), "-T", "pdml", "-J", "ip ipv6 tcp http http2",
               "-o", "tcp.reassemble_out_of_order:TRUE"]
    for port in ports:
        if port != 80:
            command += ["-d", f"tcp.port=={port},tls"] if keylog else ["-d", f"tcp.port=={port},http"]
    if keylog:
        command += ["-o", f"tls.keylog_file:{keylog}"]
    done = subprocess.run(command, capture_output=True, timeout=timeout)
    if done.returncode:
        raise RuntimeError(f"tshark: {done.stderr.decode()}")
    reader = Reader(set(ports))
    for _, node in xml.iterparse(io.BytesIO(done.stdout)):
        if node.tag == "packet":
            reader.packet(node)
            node.clear()
    return reader.requests


def count(pcap, keylog, filter_):
    """Frames of the capture that tshark's display filter accepts, decrypted with these keys."""
    world.need("tshark")
    done = world.run("tshark", "-r", pcap, "-o", f"tls.keylog_file:{keylog}", "-Y", filter_, "-T", "fields", "-e", "frame.number")
    return len(done.stdout.split())
