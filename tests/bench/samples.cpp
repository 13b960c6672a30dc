// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/samples.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

namespace tidegate::bench {
namespace {

[[noreturn]] void usage(const char* program) {
  std::fprintf(stderr, "usage: %s [--rounds N] [--ms N] [--cpu N] [--only TEXT] [--quick]\n", program);
  std::exit(2);
}

Settings parse_settings(int argc, char** argv) {
  Settings settings;
  settings.cpu = std::thread::hardware_concurrency() - 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--quick") {
      settings.quick = true;
      settings.rounds = 1;
      settings.milliseconds = 2;
      continue;
    }
    if (i + 1 == argc) {
      usage(argv[0]);
    }
    const char* value = argv[++i];
    if (option == "--rounds") {
      settings.rounds = static_cast<unsigned>(std::atoi(value));
    } else if (option == "--ms") {
      settings.milliseconds = std::atof(value);
    } else if (option == "--cpu") {
      settings.cpu = static_cast<unsigned>(std::atoi(value));
    } else if (option == "--only") {
      settings.only = value;
    } else {
      usage(argv[0]);
    }
  }
  return settings;
}

}  // namespace

void emit(std::string_view kind, std::initializer_list<Field> fields) {
  nlohmann::ordered_json line{{"kind", kind}};
  for (const auto& [key, value] : fields) {
    std::visit([&](const auto& plain) { line[std::string(key)] = plain; }, value);
  }
  std::puts(line.dump().c_str());
  std::fflush(stdout);
}

void emit_skip(std::string_view bench, std::string_view name, std::string_view why) {
  emit("skip", {{"bench", std::string(bench)}, {"name", std::string(name)}, {"why", std::string(why)}});
}

int run_bench(int argc, char** argv, Status (*run)(const Settings&)) {
  const Status status = run(parse_settings(argc, argv));
  if (status) return 0;
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, status.error().message.c_str());
  return 1;
}

}  // namespace tidegate::bench
