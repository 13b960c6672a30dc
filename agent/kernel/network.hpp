// SPDX-License-Identifier: Apache-2.0
// What the kernel says about an interface of this network namespace.
#pragma once

#include <cstdint>
#include <string>

namespace tidegate::kernel {

unsigned ifindex_of(const std::string& interface);    // 0: there is none
unsigned mtu_of(const std::string& interface);        // 0: unknown
std::string driver_of(const std::string& interface);  // "virtio_net"; "unknown driver"
std::uint32_t ephemeral_port_low();                   // net.ipv4.ip_local_port_range

// The XDP program on an interface.
struct XdpPresence {
  std::uint32_t program = 0;  // id; 0: none
  std::string mode = "-";     // "native", "generic", "offloaded", "several"
};
XdpPresence xdp_on(unsigned ifindex);

// A program's name as `"name" (id 7)`, or `id 7` where the name may not be read (that needs CAP_SYS_ADMIN).
std::string describe_program(std::uint32_t id);

std::uint32_t program_id(int fd);  // 0 on error

}  // namespace tidegate::kernel
