# SPDX-License-Identifier: Apache-2.0
"""Captures as lists of frames, to be rewritten: lost, doubled, shuffled, cut, put on another link."""
import dataclasses
import struct

MAGIC = 0xA1B2C3D4
ETHERNET, NULL, RAW, SLL, SLL2 = 1, 0, 101, 113, 276


@dataclasses.dataclass(frozen=True)
class Frame:
    seconds: int
    micros: int
    data: bytes
    original: int = 0  # length on the wire; 0: as captured

    def at(self, offset):
        return struct.unpack_from("!H", self.data, offset)[0]

    @property
    def ip(self):
        """Where the IP header begins: these captures are Ethernet without tags."""
        return 14

    @property
    def tcp(self):
        return self.ip + (self.data[self.ip] & 15) * 4 if self.data[self.ip] >> 4 == 4 else self.ip + 40

    @property
    def payload(self):
        return self.tcp + (self.data[self.tcp + 12] >> 4) * 4

    @property
    def size(self):
        """Bytes of TCP payload."""
        return len(self.data) - self.payload

    @property
    def ports(self):
        return struct.unpack_from("!HH", self.data, self.tcp)

    @property
    def flags(self):
        return self.data[self.tcp + 13]

    @property
    def opens_or_closes(self):
        return self.flags & 7 != 0

    @property
    def sequence(self):
        return struct.unpack_from("!I", self.data, self.tcp + 4)[0]


def read(path):
    raw = path.read_bytes()
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", raw)
    assert magic == MAGIC and link == ETHERNET, (hex(magic), link)
    frames, offset = [], 24
    while offset < len(raw):
        seconds, micros, kept, original = struct.unpack_from("<IIII", raw, offset)
        frames.append(Frame(seconds, micros, raw[offset + 16:offset + 16 + kept], original))
        offset += 16 + kept
    return frames


def write(path, frames, link=ETHERNET):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, 262144, link))
        for frame in frames:
            out.write(struct.pack("<IIII", frame.seconds, frame.micros, len(frame.data), frame.original or len(frame.data)))
            out.write(frame.data)
    return path


def with_payload(frame, begin, end):
    """The same segment with this part of its payload; checksums are left as they were."""
    head = bytearray(frame.data[:frame.payload])
    struct.pack_into("!I", head, frame.tcp + 4, (frame.sequence + begin) % 2**32)
    data = bytes(head) + frame.data[frame.payload + begin:frame.payload + end]
    head = bytearray(data)
    if head[frame.ip] >> 4 == 4:
        struct.pack_into("!H", head, frame.ip + 2, len(data) - frame.ip)
    else:
        struct.pack_into("!H", head, frame.ip + 4, len(data) - frame.ip - 40)
    return dataclasses.replace(frame, data=bytes(head), original=0)


def on_link(frame, link):
    """The packet behind another link header."""
    packet = frame.data[14:]
    protocol = frame.data[12:14]
    headers = {
        ETHERNET: frame.data[:12] + b"\x81\x00\x00\x05" + protocol,  # with a VLAN tag
        RAW: b"",
        NULL: struct.pack("<I", 2 if packet[0] >> 4 == 4 else 30),
        SLL: struct.pack("!HHH8s", 0, 772, 6, bytes(8)) + protocol,
        SLL2: protocol + struct.pack("!HIHBB8s", 0, 1, 772, 0, 6, bytes(8)),
    }
    return dataclasses.replace(frame, data=headers[link] + packet, original=0)
