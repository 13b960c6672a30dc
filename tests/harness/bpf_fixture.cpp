// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/bpf_fixture.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "bpf/abi/hash.h"
#include "bpf/tidegate.skel.h"

namespace tidegate::test {
namespace {

constexpr std::array<std::uint64_t, 4> kSeed = {0x0123456789abcdef, 0xfedcba9876543210, 0x0f1e2d3c4b5a6978,
                                                0x1122334455667788};

[[noreturn]] void raise(const std::string& what, int error) {
  throw std::runtime_error(what + ": " + std::strerror(error < 0 ? -error : error));
}

int silent(enum libbpf_print_level, const char*, va_list) { return 0; }

tg_address to_abi(const Address& a) { return {a.hi, a.lo}; }

std::uint32_t block_filter_lines(const LoadOptions& options) { return options.block_buckets; }

bpf_map* find_map(tidegate_bpf* skeleton, const char* name) {
  bpf_map* map = bpf_object__find_map_by_name(skeleton->obj, name);
  if (map == nullptr) throw std::runtime_error(std::string("no map ") + name);
  return map;
}

void set_sizes(tidegate_bpf* skeleton, const LoadOptions& options) {
  bpf_map__set_max_entries(skeleton->maps.keys, options.bucket_sets);
  bpf_map__set_max_entries(skeleton->maps.tats, options.bucket_sets);
  bpf_map__set_max_entries(skeleton->maps.blocks, options.block_buckets);
  bpf_map__set_max_entries(skeleton->maps.block_filter, block_filter_lines(options));
  bpf_map__set_max_entries(skeleton->maps.flows, options.flow_sets);
}

void select_programs(tidegate_bpf* skeleton, const LoadOptions& options) {
  bpf_program__set_autoload(skeleton->progs.tidegate, !options.frags);
  bpf_program__set_autoload(skeleton->progs.tidegate_frags, options.frags);
  skeleton->rodata->tg_replay = options.replay;
  skeleton->rodata->tg_use_socket_lookup = options.socket_lookup;
  skeleton->rodata->tg_use_buff_len = options.frags;
}

tg_identity make_identity(const LoadOptions& options) {
  tg_identity id{};
  id.magic = TG_IDENTITY_MAGIC;
  id.abi_version = TG_ABI_VERSION;
  id.bucket_sets = options.bucket_sets;
  id.block_buckets = options.block_buckets;
  id.block_filter_lines = block_filter_lines(options);
  id.flow_sets = options.flow_sets;
  std::copy(kSeed.begin(), kSeed.end(), id.seed);
  return id;
}

}  // namespace

Prefix prefix_of(const std::string& text) {
  auto parsed = Prefix::parse(text);
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return *parsed;
}

Program::Program(const LoadOptions& options)
    : replay_(options.replay), ingress_(options.frags ? "tidegate_frags" : "tidegate") {
  libbpf_set_print(silent);
  skeleton_ = tidegate_bpf__open();
  if (skeleton_ == nullptr) raise("cannot open the skeleton", errno);
  set_sizes(skeleton_, options);
  select_programs(skeleton_, options);
  if (const int error = tidegate_bpf__load(skeleton_); error != 0) {
    tidegate_bpf__destroy(skeleton_);
    raise("cannot load the datapath", error);
  }
  identity_ = make_identity(options);
  write("identity", 0, &identity_);
  void* memory = mmap(nullptr, static_cast<std::size_t>(getpagesize()), PROT_READ | PROT_WRITE, MAP_SHARED,
                      bpf_map__fd(skeleton_->maps.control), 0);
  if (memory == MAP_FAILED) raise("cannot map control", errno);
  control_ = static_cast<tg_control*>(memory);
  control_->ephemeral_low = 32768;
  control_->lookup_interval_ns = 10'000;
}

Program::~Program() {
  bpf_link__destroy(handshakes_);
  if (control_ != nullptr) munmap(control_, static_cast<std::size_t>(getpagesize()));
  tidegate_bpf__destroy(skeleton_);
}

bool Program::available() {
  LIBBPF_OPTS(bpf_map_create_opts, options);
  const int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "tg_probe", 4, 8, 1, &options);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

void Program::read(const char* map, std::uint32_t index, void* out) const {
  if (bpf_map_lookup_elem(bpf_map__fd(find_map(skeleton_, map)), &index, out) != 0) raise(map, errno);
}

void Program::write(const char* map, std::uint32_t index, const void* value) {
  if (bpf_map_update_elem(bpf_map__fd(find_map(skeleton_, map)), &index, value, BPF_ANY) != 0) raise(map, errno);
}

void Program::set_filter(const char* map, std::uint32_t lines, std::uint64_t hash) {
  const std::uint32_t line = tg_filter_line_of(hash, lines);
  auto words = value<tg_filter_line>(map, line);
  for (const std::uint32_t which : {0U, 1U}) {
    const std::uint32_t bit = tg_filter_bit(hash, which);
    words.word[bit >> 6] |= 1ULL << (bit & 63);
  }
  set_value(map, line, words);
}

void Program::put_lengths(tg_lengths& lengths, const Prefix& prefix) {
  std::uint8_t* list = prefix.is_v4() ? lengths.v4 : lengths.v6;
  std::uint16_t& count = prefix.is_v4() ? lengths.count4 : lengths.count6;
  unsigned at = 0;
  while (at < count && list[at] > prefix.length) ++at;
  if (at < count && list[at] == prefix.length) return;
  std::memmove(list + at + 1, list + at, count - at);
  list[at] = prefix.length;
  ++count;
}

void Program::block(const std::string& prefix, std::uint64_t expires) {
  const Prefix parsed = prefix_of(prefix);
  const std::uint64_t key = tg_prefix_key(identity_.seed, to_abi(parsed.address), parsed.length);
  const std::uint64_t hash = tg_prefix_hash(identity_.seed, key);
  set_filter("block_filter", identity_.block_filter_lines, hash);
  for (const std::uint32_t choice : {0U, 1U}) {
    const std::uint32_t index = tg_bucket_of(hash, choice, identity_.block_buckets);
    auto bucket = value<tg_block_bucket>("blocks", index);
    for (unsigned i = 0; i < TG_BLOCK_WAYS; ++i) {
      if (bucket.key[i] != 0 && bucket.key[i] != key) continue;
      bucket.key[i] = key;
      bucket.expires[i] = expires;
      set_value("blocks", index, bucket);
      put_lengths(control_->blocks[control_->block_lengths & 1], parsed);
      return;
    }
  }
  throw std::runtime_error("no room for a block");
}

void Program::block_in_stash(const std::string& prefix, std::uint64_t expires) {
  const Prefix parsed = prefix_of(prefix);
  auto stash = value<tg_block_stash>("block_stash", 0);
  const std::uint64_t key = tg_prefix_key(identity_.seed, to_abi(parsed.address), parsed.length);
  set_filter("block_filter", identity_.block_filter_lines, tg_prefix_hash(identity_.seed, key));
  const std::uint32_t at = control_->stash_count++;
  stash.key[at] = key;
  stash.expires[at] = expires;
  set_value("block_stash", 0, stash);
  put_lengths(control_->blocks[control_->block_lengths & 1], parsed);
}

void Program::limit(const std::string& prefix, const tg_limit& rates) {
  const Prefix parsed = prefix_of(prefix);
  const std::uint64_t key = tg_prefix_key(identity_.seed, to_abi(parsed.address), parsed.length);
  set_filter("limit_filter", TG_LIMIT_FILTER_LINES, tg_prefix_hash(identity_.seed, key));
  if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.limits), &key, &rates, BPF_ANY) != 0) raise("limits", errno);
  put_lengths(control_->limits[control_->limit_lengths & 1], parsed);
}

void Program::block_flow(const std::string& client, std::uint16_t client_port, const std::string& server,
                         std::uint16_t server_port, std::uint64_t expires, std::uint32_t lines) {
  tg_flow flow{};
  flow.local = to_abi(prefix_of(server).address);
  flow.remote = to_abi(prefix_of(client).address);
  flow.local_port = server_port;
  flow.remote_port = client_port;
  flow.protocol = 6;  // TCP
  const tg_flow_block block{.expires = expires, .decision = 0, .rule = "test"};
  set_filter("flow_filter", lines, tg_flow_hash(identity_.seed, &flow));
  if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.flow_blocks), &flow, &block, BPF_ANY) != 0)
    raise("flow_blocks", errno);
  control_->flow_filter_lines = lines;
}

void Program::prove(const std::string& address, unsigned generation) {
  const Prefix parsed = prefix_of(address);
  const tg_host host = value<tg_host>("host", control_->active);
  tg_address masked = to_abi(parsed.address);
  masked.hi &= parsed.is_v4() ? ~0ULL : host.source_mask_v6.hi;
  masked.lo &= parsed.is_v4() ? host.source_mask_v4 : host.source_mask_v6.lo;
  const std::uint64_t prefix = tg_source_prefix(identity_.seed, masked, parsed.is_v4(), host.source_mask_v6.lo != 0);
  const std::uint64_t hash = tg_proven_hash(identity_.seed, prefix);
  const std::uint32_t line = tg_proven_line(hash, control_->proven_lines), per_page = TG_PROVEN_PAGE / 64;
  const std::uint32_t page_index = line / per_page;
  auto page = value<tg_proven_page>("proven", page_index);
  for (std::uint32_t i = 0; i < TG_PROVEN_BITS; ++i) {
    const std::uint32_t bit = tg_proven_bit(hash, i);
    page.word[line % per_page * 8 + generation * TG_PROVEN_WORDS + (bit >> 6)] |= 1ULL << (bit & 63);
  }
  set_value("proven", page_index, page);
}

void Program::watch_handshakes() {
  handshakes_ = bpf_program__attach(skeleton_->progs.tidegate_established);
  if (handshakes_ == nullptr) raise("cannot attach to inet_sock_set_state", errno);
}

std::size_t Program::proven_words(unsigned generation) const {
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < TG_PROVEN_PAGES; ++i) {
    const auto page = value<tg_proven_page>("proven", i);
    for (std::size_t word = 0; word < TG_PROVEN_PAGE / 8; ++word)
      count += word / TG_PROVEN_WORDS % 2 == generation && page.word[word] != 0 ? 1 : 0;
  }
  return count;
}

int Program::program_fd(const std::string& name) const {
  const bpf_program* program = bpf_object__find_program_by_name(skeleton_->obj, name.c_str());
  return program == nullptr ? -1 : bpf_program__fd(program);
}

Verdict Program::run(const Bytes& frame, const RunOptions& options) {
  tg_replay_meta meta{};
  meta.now = options.now;
  const std::size_t head = replay_ ? sizeof(meta) : 0;
  Bytes in(head + frame.size()), out(in.size() + 256);
  std::memcpy(in.data(), &meta, head);
  std::memcpy(in.data() + head, frame.data(), frame.size());
  xdp_md context{};
  context.data = static_cast<std::uint32_t>(head);
  context.data_end = static_cast<std::uint32_t>(in.size());
  context.ingress_ifindex = options.ifindex;
  LIBBPF_OPTS(bpf_test_run_opts, run);
  run.data_in = in.data();
  run.data_size_in = static_cast<std::uint32_t>(in.size());
  run.data_out = out.data();
  run.data_size_out = static_cast<std::uint32_t>(out.size());
  run.ctx_in = &context;
  run.ctx_size_in = sizeof(context);
  if (const int error = bpf_prog_test_run_opts(program_fd(ingress_), &run); error != 0) raise("test run", error);
  if (replay_) std::memcpy(&meta, out.data(), sizeof(meta));
  return {.dropped = run.retval == XDP_DROP, .service = meta.service, .reason = meta.reason, .flags = meta.flags};
}

std::uint32_t Program::run_many(const Bytes& frame, unsigned repeat, unsigned ifindex) {
  xdp_md context{};
  context.data_end = static_cast<std::uint32_t>(frame.size());
  context.ingress_ifindex = ifindex;
  LIBBPF_OPTS(bpf_test_run_opts, run);
  run.data_in = frame.data();
  run.data_size_in = static_cast<std::uint32_t>(frame.size());
  run.ctx_in = &context;
  run.ctx_size_in = sizeof(context);
  run.repeat = static_cast<int>(repeat);
  if (const int error = bpf_prog_test_run_opts(program_fd(ingress_), &run); error != 0) raise("test run", error);
  return run.duration;
}

void Program::send(const Frame& frame) {
  const Bytes in = frame.bytes();
  LIBBPF_OPTS(bpf_test_run_opts, run);
  run.data_in = in.data();
  run.data_size_in = static_cast<std::uint32_t>(in.size());
  if (const int error = bpf_prog_test_run_opts(program_fd("tidegate_egress"), &run); error != 0)
    raise("test run of egress", error);
}

template <class T>
std::vector<T> Program::per_cpu(const char* map, std::uint32_t index) const {
  std::vector<T> values(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  read(map, index, values.data());
  return values;
}

namespace {
void add(tg_counter& to, const tg_counter& from) {
  to.dropped_packets += from.dropped_packets;
  to.dropped_bytes += from.dropped_bytes;
  to.passed_packets += from.passed_packets;
  to.passed_bytes += from.passed_bytes;
}
}  // namespace

tg_counter Program::counter(unsigned service, unsigned reason) const {
  tg_counter sum{};
  for (const auto& one : per_cpu<tg_counter>("counters", service * TG_REASON_SLOTS + reason)) add(sum, one);
  return sum;
}

tg_counter Program::interface_counter(unsigned ifindex) const {
  tg_counter sum{};
  for (const auto& one : per_cpu<tg_counter>("interfaces", ifindex % TG_INTERFACES)) add(sum, one);
  return sum;
}

tg_counter Program::total() const {
  tg_counter sum{};
  for (unsigned service = 0; service < TG_SERVICES; ++service) {
    for (unsigned reason = 0; reason < TG_REASON_COUNT; ++reason) add(sum, counter(service, reason));
  }
  return sum;
}

std::uint64_t Program::fault(tg_fault which) const {
  std::uint64_t sum = 0;
  for (const std::uint64_t one : per_cpu<std::uint64_t>("faults", which)) sum += one;
  return sum;
}

std::vector<tg_event> Program::events() {
  std::vector<tg_event> out;
  const auto sink = [](void* to, void* data, std::size_t size) {
    tg_event event{};
    std::memcpy(&event, data, std::min(size, sizeof(event)));
    static_cast<std::vector<tg_event>*>(to)->push_back(event);
    return 0;
  };
  ring_buffer* ring = ring_buffer__new(bpf_map__fd(skeleton_->maps.events), sink, &out, nullptr);
  if (ring == nullptr) raise("ring buffer", errno);
  ring_buffer__consume(ring);
  ring_buffer__free(ring);
  return out;
}

std::vector<std::uint64_t> Program::bucket_keys() const {
  std::vector<std::uint64_t> out;
  for (std::uint32_t i = 0; i < identity_.bucket_sets; ++i) {
    for (const std::uint64_t key : value<tg_key_set>("keys", i).key) {
      if (key != 0) out.push_back(key);
    }
  }
  return out;
}

std::uint32_t Program::verified_instructions(const std::string& program) const {
  bpf_prog_info info{};
  std::uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(program_fd(program), &info, &size) != 0) raise("program info", errno);
  return info.verified_insns;
}

}  // namespace tidegate::test
