// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/frame.hpp"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <algorithm>
#include <cstring>

namespace tidegate::bench {
namespace {

template <typename Header>
void append(std::vector<std::byte>& frame, const Header& header) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&header);
  frame.insert(frame.end(), bytes, bytes + sizeof(header));
}

std::uint16_t checksum(const iphdr& ip) {
  std::uint16_t words[sizeof(ip) / 2];
  std::memcpy(words, &ip, sizeof(ip));
  std::uint32_t sum = 0;
  for (const auto word : words) {
    sum += word;
  }
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~(sum + (sum >> 16)));
}

std::uint8_t protocol_of(Transport transport) { return transport == Transport::kUdp ? IPPROTO_UDP : IPPROTO_TCP; }

void append_ethernet(std::vector<std::byte>& frame, bool ipv6) {
  ethhdr eth{};
  std::memset(eth.h_dest, 0x02, sizeof(eth.h_dest));
  std::memset(eth.h_source, 0x06, sizeof(eth.h_source));
  eth.h_proto = htons(ipv6 ? ETH_P_IPV6 : ETH_P_IP);
  append(frame, eth);
}

void append_ipv4(std::vector<std::byte>& frame, Transport transport, std::size_t payload) {
  iphdr ip{};
  ip.version = 4;
  ip.ihl = 5;
  ip.tot_len = htons(static_cast<std::uint16_t>(sizeof(ip) + payload));
  ip.ttl = 64;
  ip.protocol = protocol_of(transport);
  inet_pton(AF_INET, "198.18.0.1", &ip.saddr);
  inet_pton(AF_INET, "192.0.2.1", &ip.daddr);
  ip.check = checksum(ip);
  append(frame, ip);
}

void append_ipv6(std::vector<std::byte>& frame, Transport transport, std::size_t payload) {
  ipv6hdr ip{};
  ip.version = 6;
  ip.payload_len = htons(static_cast<std::uint16_t>(payload));
  ip.nexthdr = protocol_of(transport);
  ip.hop_limit = 64;
  inet_pton(AF_INET6, "2001:db8:0:1::1", &ip.saddr);
  inet_pton(AF_INET6, "2001:db8::1", &ip.daddr);
  append(frame, ip);
}

void append_transport(std::vector<std::byte>& frame, const FrameSpec& spec, std::size_t payload) {
  if (spec.transport == Transport::kUdp) {
    udphdr udp{};
    udp.source = htons(40000);
    udp.dest = htons(spec.port);
    udp.len = htons(static_cast<std::uint16_t>(payload));
    append(frame, udp);
    return;
  }
  tcphdr tcp{};
  tcp.source = htons(40000);
  tcp.dest = htons(spec.port);
  tcp.doff = 5;
  tcp.syn = spec.transport == Transport::kTcpSyn;
  tcp.ack = spec.transport == Transport::kTcpAck;
  tcp.window = htons(64240);
  append(frame, tcp);
}

}  // namespace

std::vector<std::byte> make_frame(const FrameSpec& spec) {
  const std::size_t network = spec.ipv6 ? sizeof(ipv6hdr) : sizeof(iphdr);
  const std::size_t transport = spec.transport == Transport::kUdp ? sizeof(udphdr) : sizeof(tcphdr);
  const std::size_t size = std::max(spec.size, sizeof(ethhdr) + network + transport);
  const std::size_t payload = size - sizeof(ethhdr) - network;
  std::vector<std::byte> frame;
  frame.reserve(size);
  append_ethernet(frame, spec.ipv6);
  if (spec.ipv6) {
    append_ipv6(frame, spec.transport, payload);
  } else {
    append_ipv4(frame, spec.transport, payload);
  }
  append_transport(frame, spec, payload);
  frame.resize(size);
  return frame;
}

}  // namespace tidegate::bench
