// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/kernel/fixture.hpp"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cstring>

#include "agent/base/clock.hpp"

namespace tidegate::kernel {

void KernelTest::SetUp() {
  if (!harness::can_isolate()) GTEST_SKIP() << harness::why_not();
  bpffs_ = std::make_unique<harness::BpfFs>(directory_.path() / "bpf");
  net_ = std::make_unique<harness::Topology>();
}

void KernelTest::TearDown() {
  net_.reset();
  bpffs_.reset();
}

Options KernelTest::options() const {
  Options options;
  options.pin_dir = pin_dir();
  return options;
}

std::unique_ptr<Datapath> KernelTest::open(const Options& options) {
  std::unique_ptr<Datapath> datapath;
  in_edge([&] {
    auto opened = Datapath::open(options, system_clock());
    if (!opened) {
      ADD_FAILURE() << opened.error().message;
    } else {
      datapath = std::move(*opened);
    }
  });
  if (!datapath) throw std::runtime_error("no datapath");
  return datapath;
}

Error KernelTest::open_error(const Options& options) {
  Error error{ErrorCode::kInternal, "it opened"};
  in_edge([&] {
    if (auto opened = Datapath::open(options, system_clock()); !opened) error = opened.error();
  });
  return error;
}

AttachState KernelTest::attach(Datapath& datapath, policy::AttachMode mode) {
  AttachState state;
  in_edge([&] {
    const auto attached = datapath.attach({"eth0", mode, {}});
    if (attached) {
      state = *attached;
    } else {
      ADD_FAILURE() << attached.error().message;
    }
  });
  return state;
}

Error KernelTest::attach_error(Datapath& datapath, policy::AttachMode mode) {
  Error error{ErrorCode::kInternal, "it attached"};
  in_edge([&] {
    if (const auto attached = datapath.attach({"eth0", mode, {}}); !attached) error = attached.error();
  });
  return error;
}

std::vector<AttachState> KernelTest::verify(Datapath& datapath) {
  std::vector<AttachState> changed;
  in_edge([&] { changed = datapath.verify_attachments(); });
  return changed;
}

LinkedProgram::LinkedProgram(const std::filesystem::path& link) {
  const UniqueFd fd(bpf_obj_get(link.c_str()));
  bpf_link_info info{};
  __u32 size = sizeof info;
  if (!fd || bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0) throw std::runtime_error("no link " + link.string());
  id_ = info.prog_id;
  ifindex_ = info.xdp.ifindex;
  program_.reset(bpf_prog_get_fd_by_id(id_));
}

unsigned LinkedProgram::run(const std::vector<unsigned char>& frame) const {
  bpf_test_run_opts options{};
  options.sz = sizeof options;
  options.data_in = frame.data();
  options.data_size_in = static_cast<__u32>(frame.size());
  options.repeat = 1;
  if (bpf_prog_test_run_opts(program_.get(), &options) != 0) throw std::runtime_error("test run failed");
  return options.retval;
}

std::vector<unsigned char> udp_frame(const std::string& source, std::uint16_t port) {
  std::vector<unsigned char> frame(14 + 20 + 8 + 18);
  frame[12] = 0x08;
  unsigned char* ip = &frame[14];
  ip[0] = 0x45;
  ip[3] = static_cast<unsigned char>(frame.size() - 14);
  ip[8] = 64;
  ip[9] = 17;
  inet_pton(AF_INET, source.c_str(), ip + 12);
  inet_pton(AF_INET, "192.0.2.1", ip + 16);
  unsigned char* udp = ip + 20;
  udp[0] = 0x30;
  udp[2] = static_cast<unsigned char>(port >> 8);
  udp[3] = static_cast<unsigned char>(port & 0xff);
  udp[5] = static_cast<unsigned char>(frame.size() - 34);
  return frame;
}

std::unique_ptr<policy::Image> image_with_default(unsigned slot) {
  auto image = std::make_unique<policy::Image>();
  image->host.flags = TG_HOST_ENFORCE | TG_HOST_DROP_MALFORMED;
  image->host.source_mask_v4 = ~0ULL;
  image->host.source_mask_v6 = {.hi = ~0ULL, .lo = 0};
  image->host.default_service = static_cast<__u16>(slot);
  std::fill(std::begin(image->ranges.service), std::end(image->ranges.service), __u16{TG_SERVICE_NONE});
  std::fill(std::begin(image->ranges.first) + 1, std::end(image->ranges.first), __u16{1});
  image->services.resize(TG_SERVICES);
  image->entries.resize(TG_SOURCE_ENTRIES);
  return image;
}

tg_rate nothing_conforms() { return {.cost = 1'000'000'000, .burst = 0}; }

Prefix prefix(const std::string& text) { return Prefix::parse(text).value(); }

UniqueFd someone_elses_program() {
  const bpf_insn pass[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = XDP_PASS},
                           {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  bpf_prog_load_opts options{};
  options.sz = sizeof options;
  options.expected_attach_type = BPF_XDP;  // as every XDP program that libbpf loads, or no link takes it
  return UniqueFd(bpf_prog_load(BPF_PROG_TYPE_XDP, "someone", "GPL", pass, 2, &options));
}

}  // namespace tidegate::kernel
