#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A WebSocket server (RFC 6455) over TLS that sends every message back: websocket_server.py PORT CERTIFICATE KEY."""
import base64
import hashlib
import socket
import ssl
import struct
import sys
import threading

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode, payload, final=True, mask=b""):
    """One frame; masked with four bytes when it is of a client."""
    head = bytes([(0x80 if final else 0) | opcode])
    flag = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([flag | len(payload)])
    elif len(payload) < 65536:
        head += bytes([flag | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([flag | 127]) + struct.pack("!Q", len(payload))
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if mask else payload
    return head + mask + masked


def exactly(stream, size):
    data = b""
    while len(data) < size:
        part = stream.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def read_frame(stream):
    first, second = exactly(stream, 2)
    size = second & 0x7F
    if size == 126:
        size, = struct.unpack("!H", exactly(stream, 2))
    elif size == 127:
        size, = struct.unpack("!Q", exactly(stream, 8))
    mask = exactly(stream, 4) if second & 0x80 else b""
    payload = exactly(stream, size)
    return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if mask else payload


def serve(stream):
    asked = b""
    while b"\r\n\r\n" not in asked:
        asked += stream.recv(4096)
    key = next(line.split(b":")[1].strip() for line in asked.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(key + GUID.encode()).digest()).decode()
    stream.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    f"Sec-WebSocket-Accept: {accept}\r\n\r\n").encode())
    while True:
        opcode, payload = read_frame(stream)
        stream.sendall(frame(opcode, payload))
        if opcode == 8:
            return


def answer(raw, context):
    try:
        with context.wrap_socket(raw, server_side=True) as stream:
            serve(stream)
    except (EOFError, OSError):
        pass


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    with socket.create_server(("0.0.0.0", int(sys.argv[1]))) as listener:
        while True:
            raw, _ = listener.accept()
            threading.Thread(target=answer, args=(raw, context), daemon=True).start()


if __name__ == "__main__":
    main()
