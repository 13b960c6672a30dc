// SPDX-License-Identifier: Apache-2.0
#include "agent/main/logging.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>

namespace tidegate {
namespace {

constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

spdlog::level::level_enum to_level(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::kTrace:
      return spdlog::level::trace;
    case config::LogLevel::kDebug:
      return spdlog::level::debug;
    case config::LogLevel::kInfo:
      return spdlog::level::info;
    case config::LogLevel::kWarning:
      return spdlog::level::warn;
    case config::LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// Without journald (a container, a network namespace of a test) a log to the journal would be lost.
std::shared_ptr<spdlog::logger> make_logger(const config::LogSettings& settings) {
  if (settings.to == config::LogTarget::kFile) {
    return std::make_shared<spdlog::logger>(
        "tidegated", std::make_shared<spdlog::sinks::basic_file_sink_mt>(settings.file.string()));
  }
  if (settings.to == config::LogTarget::kJournal && ::access(kJournalSocket, W_OK) == 0) {
    auto logger = std::make_shared<spdlog::logger>("tidegated", std::make_shared<spdlog::sinks::systemd_sink_mt>());
    logger->set_pattern("%v");
    return logger;
  }
  return std::make_shared<spdlog::logger>("tidegated", std::make_shared<spdlog::sinks::stderr_sink_mt>());
}

}  // namespace

Status start_logging(const config::LogSettings& settings) {
  try {
    auto logger = make_logger(settings);
    logger->set_level(to_level(settings.level));
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
    return {};
  } catch (const spdlog::spdlog_ex& error) {
    return fail(ErrorCode::kPermissionDenied,
                std::string("log: ") + error.what() + "; make the directory writable or set `log: {to: journal}`");
  }
}

void log_acts(telemetry::Follower& acts) {
  while (const auto event = acts.next(std::chrono::milliseconds(0))) {
    const auto level = event->kind == telemetry::EventKind::kWarning ? spdlog::level::warn : spdlog::level::info;
    spdlog::log(level, "{}: {}", to_string(event->kind), event->message);
  }
  if (const auto lost = acts.take_lost(); lost > 0) spdlog::warn("{} acts were not logged: too many at once", lost);
}

}  // namespace tidegate
