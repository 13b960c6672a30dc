# SPDX-License-Identifier: Apache-2.0
"""TCP conversations that no real peer would have, as frames."""
import struct

import pcapfile

SYN, ACK, FIN, RST = 2, 16, 1, 4
SEGMENT = 60_000
TO_SERVER, TO_CLIENT = 0, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def checksum(pseudo, segment):
    """RFC 1071: the sum of 16-bit words with the carries added again is the remainder by 0xffff."""
    whole = pseudo + segment + bytes(len(segment) % 2)
    return 0xFFFF - int.from_bytes(whole, "big") % 0xFFFF


class Talk:
    """One connection from 198.51.100.9, or another client, to 192.0.2.1, or another server; checksums are 0, as offloading leaves them, or right."""

    moment = 0  # microseconds since the beginning of all of them

    def __init__(self, port, server_port=80, opened=True, server=b"\xc0\x00\x02\x01", checksums=False, client=b"\xc6\x33\x64\x09"):
        self.client, self.server, self.checksums = client, server, checksums
        self.ports, self.frames = (port, server_port), []
        self.next = [1000, 5_000_000]
        if opened:
            self.packet(TO_SERVER, b"", SYN)
            self.packet(TO_CLIENT, b"", SYN | ACK)

    def packet(self, direction, data, flags=ACK):
        source, target = (self.client, self.server) if direction == TO_SERVER else (self.server, self.client)
        ports = self.ports if direction == TO_SERVER else self.ports[::-1]
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0, source, target)
        tcp = struct.pack("!HHIIBBHHH", *ports, self.next[direction] % 2**32, self.next[1 - direction] % 2**32 if flags & ACK else 0,
                          0x50, flags, 65535, 0, 0)
        if self.checksums:
            ip = ip[:10] + struct.pack("!H", checksum(b"", ip)) + ip[12:]
            right = checksum(source + target + struct.pack("!HH", 6, 20 + len(data)), tcp + data)
            tcp = tcp[:16] + struct.pack("!H", right) + tcp[18:]
        Talk.moment += 3
        self.frames.append(pcapfile.Frame(1_700_000_000 + Talk.moment // 1_000_000, Talk.moment % 1_000_000,
                                          bytes(12) + b"\x08\x00" + ip + tcp + data))
        self.next[direction] += len(data) + (1 if flags & (SYN | FIN) else 0)

    def say(self, direction, data):
        for begin in range(0, len(data), SEGMENT):
            self.packet(direction, data[begin:begin + SEGMENT])
        return self

    def skip(self, direction, size):
        """Leaves a hole."""
        self.next[direction] += size
        return self


def h2_frame(kind, flags, stream, payload):
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def literal(name, value, indexed=True):
    """A header field with its name spelt out, put into the dynamic table or not; lengths below 2^14."""
    def text(value):
        if len(value) < 127:
            return bytes([len(value)]) + value
        rest = len(value) - 127
        return bytes([127, rest & 127 | 128, rest >> 7]) + value
    return (b"\x40" if indexed else b"\x00") + text(name) + text(value)


GET = b"\x82\x84\x86" + literal(b":authority", b"h", indexed=False)  # :method GET, :path /, :scheme http


def client_hello_like(size):
    """A handshake record that claims a ClientHello of `size` bytes."""
    return b"\x16\x03\x01" + struct.pack("!H", min(size + 4, 16384)) + b"\x01" + struct.pack("!I", size)[1:] + b"\x03\x03"
