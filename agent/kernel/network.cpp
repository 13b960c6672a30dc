// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/network.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <fstream>
#include <optional>

#include "agent/base/unique_fd.hpp"
#include "agent/kernel/libbpf_log.hpp"

namespace tidegate::kernel {
namespace {

constexpr std::uint32_t kUsualEphemeralLow = 32768;

bool ask(const std::string& interface, unsigned long request, ifreq& answer) {
  if (interface.size() >= sizeof answer.ifr_name) return false;
  std::memcpy(answer.ifr_name, interface.c_str(), interface.size() + 1);
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return socket && ioctl(socket.get(), request, &answer) == 0;
}

std::optional<bpf_prog_info> program_info(int fd) {
  bpf_prog_info info{};
  __u32 size = sizeof info;
  if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return std::nullopt;
  return info;
}

std::string mode_name(__u8 mode) {
  switch (mode) {
    case XDP_ATTACHED_DRV:
      return "native";
    case XDP_ATTACHED_SKB:
      return "generic";
    case XDP_ATTACHED_HW:
      return "offloaded";
    case XDP_ATTACHED_MULTI:
      return "several";
    default:
      return "-";
  }
}

}  // namespace

unsigned ifindex_of(const std::string& interface) { return if_nametoindex(interface.c_str()); }

unsigned mtu_of(const std::string& interface) {
  ifreq answer{};
  return ask(interface, SIOCGIFMTU, answer) ? static_cast<unsigned>(answer.ifr_mtu) : 0;
}

std::string driver_of(const std::string& interface) {
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  ifreq answer{};
  answer.ifr_data = reinterpret_cast<char*>(&info);
  return ask(interface, SIOCETHTOOL, answer) && info.driver[0] != '\0' ? info.driver : "unknown driver";
}

std::uint32_t ephemeral_port_low() {
  std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
  std::uint32_t low = 0;
  return range >> low ? low : kUsualEphemeralLow;
}

XdpPresence xdp_on(unsigned ifindex) {
  const LibbpfLog quiet;
  bpf_xdp_query_opts answer{};
  answer.sz = sizeof answer;
  if (ifindex == 0 || bpf_xdp_query(static_cast<int>(ifindex), 0, &answer) != 0) return {};
  std::uint32_t program = answer.prog_id;  // 0 when there are several
  for (const auto id : {answer.drv_prog_id, answer.skb_prog_id, answer.hw_prog_id}) {
    if (program == 0) program = id;
  }
  return {.program = program, .mode = mode_name(answer.attach_mode)};
}

std::string describe_program(std::uint32_t id) {
  const UniqueFd program(bpf_prog_get_fd_by_id(id));
  const auto info = program ? program_info(program.get()) : std::nullopt;
  if (!info || info->name[0] == '\0') return fmt::format("id {}", id);
  return fmt::format("\"{}\" (id {})", info->name, id);
}

std::uint32_t program_id(int fd) {
  const auto info = program_info(fd);
  return info ? info->id : 0;
}

}  // namespace tidegate::kernel
