// SPDX-License-Identifier: Apache-2.0
#include "agent/export/sink.hpp"

#include <utility>

namespace tidegate::exports {
namespace {

constexpr std::chrono::milliseconds kWake{250};  // how soon the end is noticed

}  // namespace

Sink::Sink(std::vector<std::filesystem::path> files, Observer observer, std::shared_ptr<telemetry::Follower> acts,
           Warn warn)
    : observer_(std::move(observer)), acts_(std::move(acts)), warn_(std::move(warn)) {
  auto reports = reports_.lock();
  for (auto& file : files) {
    reports->push_back({.kind = "ecs_file", .path = file.string(), .problem = {}});
    files_.emplace_back(std::move(file));
  }
  if (!files_.empty() && acts_) thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

Sink::~Sink() {
  thread_.request_stop();
  if (!thread_.joinable()) return;
  thread_.join();
  while (const auto event = acts_->next(std::chrono::milliseconds(0))) write(*event);  // said since the log was closed
}

std::vector<Report> Sink::reports() const { return *reports_.lock(); }

void Sink::work(const std::stop_token& stop) {
  while (!stop.stop_requested() && !acts_->closed()) {
    if (const auto event = acts_->next(kWake)) write(*event);
    count_lost();
  }
}

void Sink::count_lost() {
  const std::uint64_t lost = acts_->take_lost();
  if (lost == 0) return;
  auto reports = reports_.lock();
  for (Report& report : *reports) report.lost += lost;
}

void Sink::write(const telemetry::Event& event) {
  const std::string line = to_ecs(event, observer_);
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const Status done = files_[i].append(line);
    std::string news;
    {
      auto reports = reports_.lock();
      Report& report = (*reports)[i];
      ++(done ? report.written : report.lost);
      const std::string problem = done ? std::string() : done.error().message;
      if (problem.empty() != report.problem.empty())
        news = done ? "exports: " + report.path + " can be written again; " + std::to_string(report.lost) +
                          " events were lost since start"
                    : problem + "; events are lost, enforcement goes on";
      report.problem = problem;
    }
    if (!news.empty() && warn_) warn_(news);
  }
}

}  // namespace tidegate::exports
