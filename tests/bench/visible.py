# SPDX-License-Identifier: Apache-2.0
"""When does a block hold? Packets of one source arrive all the time; the last that passes tells."""
import multiprocessing
import socket
import struct
import time

import edge

INTERVAL = 0.0002  # s between packets: the resolution of the answer
SETTLE = 0.05      # s in which late packets would show
SOURCE = "203.0.113.7"
SO_TIMESTAMPNS = 35
ETH_P_IP = 0x0800


def checksum(header):
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def frame():
    def ip(check):
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 36, 0, 0, 64, socket.IPPROTO_UDP, check,
                           socket.inet_aton(SOURCE), socket.inet_aton("198.51.100.1"))
    udp = struct.pack("!HHHH", 40000, 9, 16, 0) + bytes(8)
    return b"\x02" * 6 + b"\x06" * 6 + struct.pack("!H", ETH_P_IP) + ip(checksum(ip(0))) + udp


def send_for_ever():
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind((edge.NEAR, 0))
    packet = frame()
    while True:
        sender.send(packet)
        time.sleep(INTERVAL)


class Stream:
    """Packets of SOURCE on their way to the edge, and a look at those that pass."""

    def __enter__(self):
        self.seen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        self.seen.bind((edge.EDGE, ETH_P_IP))
        self.seen.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.seen.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.sender = multiprocessing.get_context("fork").Process(target=send_for_ever, daemon=True)
        self.sender.start()
        return self

    def __exit__(self, *_):
        self.sender.terminate()
        self.sender.join()
        self.seen.close()

    def passed(self):
        """Arrival times (s, wall clock) of packets since the last call."""
        self.seen.setblocking(False)
        times = []
        while True:
            try:
                data, control, _, address = self.seen.recvmsg(2048, 256)
            except BlockingIOError:
                return times
            if address[2] != socket.PACKET_OUTGOING and data[26:30] == socket.inet_aton(SOURCE):
                seconds, nanoseconds = struct.unpack("qq", control[0][2][:16])
                times.append(seconds + nanoseconds / 1e9)


def milliseconds_until_blocked(host, stream):
    """From the return of `tidegate block` to the last packet that passed; 0: none passed after it."""
    stream.passed()
    time.sleep(SETTLE)
    if not stream.passed():
        raise RuntimeError("no packet passes before the block")
    host.tidegate("block", SOURCE, "--for", "1h")
    returned = time.time()
    time.sleep(SETTLE)
    late = [moment for moment in stream.passed() if moment > returned]
    time.sleep(SETTLE)
    if stream.passed():
        raise RuntimeError("packets of a blocked source still pass")
    host.tidegate("unblock", SOURCE)
    return (max(late) - returned) * 1e3 if late else 0.0
