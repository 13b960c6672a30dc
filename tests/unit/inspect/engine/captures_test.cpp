// SPDX-License-Identifier: Apache-2.0
// Foreign captures with their keys, read in place where they are: a folder "shared/captures" beside the checkout, or
// the one that TIDEGATE_CAPTURES names. LIST.tsv there says what tshark finds in each.
#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/inspect/capture/capture_file.hpp"
#include "tests/unit/inspect/engine/fixture.hpp"

namespace tidegate::inspect {
namespace {

namespace fs = std::filesystem;

struct Listed {
  fs::path capture;
  fs::path keys;
  std::size_t requests = 0;
  std::size_t responses = 0;
};

fs::path folder() {
  if (const char* named = std::getenv("TIDEGATE_CAPTURES")) return named;
  return fs::path(TIDEGATE_SOURCE_DIR) / "../shared/captures";
}

std::vector<Listed> listed() {
  std::vector<Listed> found;
  std::ifstream list(folder() / "LIST.tsv");
  std::string line;
  std::getline(list, line);  // titles
  while (std::getline(list, line)) {
    std::istringstream fields(line);
    std::string name, tls, cipher, protocol, requests, responses;
    for (std::string* field : {&name, &tls, &cipher, &protocol, &requests, &responses})
      std::getline(fields, *field, '\t');
    const fs::path capture = folder() / name;
    found.push_back(
        {capture, fs::path(capture).replace_extension(".keys"), std::stoul(requests), std::stoul(responses)});
  }
  return found;
}

class CapturesTest : public EngineFixture {
 protected:
  void SetUp() override {
    if (!fs::exists(folder() / "LIST.tsv")) GTEST_SKIP() << "no captures in " << folder();
    captures_ = listed();
    ASSERT_FALSE(captures_.empty());
  }
  void begin(const EngineLimits& limits = {}) {
    Settings settings;
    settings.everything = true;
    sink_ = {};
    keys_.emplace(KeyStore::Limits{.sessions = 1000, .unused = {}, .used = {}, .lock = false}, clock_);
    engine_.reset();
    engine_ = std::make_unique<Engine>(settings, *keys_, sink_, limits);
  }
  void add_keys(const Listed& one) {
    std::ifstream file(one.keys);
    std::stringstream text;
    text << file.rdbuf();
    const std::string lines = text.str();
    add_key_text(*keys_, std::as_bytes(std::span(lines.data(), lines.size())), engine_->counters());
  }
  void read_packets(const Listed& one) {
    auto capture = CaptureFile::open(UniqueFd(open(one.capture.c_str(), O_RDONLY | O_CLOEXEC)));
    ASSERT_TRUE(capture.has_value()) << capture.error().message;
    CapturedFrame frame;
    for (auto more = capture->next(frame); more && *more; more = capture->next(frame)) {
      engine_->packet(frame.link, frame.bytes, frame.wire_size, frame.time);
      last_ = frame.time;
    }
  }
  // Events, such as a connection that stood without a request, are told beside them.
  std::size_t requests() const {
    return static_cast<std::size_t>(std::ranges::count(sink_.summaries, SummaryKind::kRequest, &Summary::kind));
  }
  std::size_t answered() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(sink_.summaries, [](const Summary& summary) { return summary.status.has_value(); }));
  }

  std::vector<Listed> captures_;
  std::optional<KeyStore> keys_;
};

TEST_F(CapturesTest, AgreeWithTshark) {
  for (const Listed& one : captures_) {
    begin();
    add_keys(one);
    read_packets(one);
    engine_->finish(last_);
    EXPECT_EQ(requests(), one.requests) << one.capture;
    EXPECT_EQ(answered(), one.responses) << one.capture;
    EXPECT_GE(count(Counter::kDecrypted), 1U) << one.capture;
    EXPECT_EQ(count(Counter::kDecryptFailed), 0U) << one.capture;
    EXPECT_EQ(engine_->memory_used(), 0U) << one.capture;
  }
}

// All the keys come when everything has been captured: what was buffered is read as if they had been there.
TEST_F(CapturesTest, LateKeysChangeNothing) {
  EngineLimits patient;
  patient.tls.key_wait = std::chrono::hours(24);
  for (const Listed& one : captures_) {
    begin(patient);
    read_packets(one);
    EXPECT_TRUE(sink_.summaries.empty()) << one.capture;
    add_keys(one);
    engine_->tick(last_);
    engine_->finish(last_);
    EXPECT_EQ(requests(), one.requests) << one.capture;
    EXPECT_EQ(answered(), one.responses) << one.capture;
  }
}

TEST_F(CapturesTest, WithoutKeysNothingIsReadAndThatIsCounted) {
  for (const Listed& one : captures_) {
    begin();
    read_packets(one);
    engine_->finish(last_);
    EXPECT_TRUE(sink_.summaries.empty()) << one.capture;
    EXPECT_GE(count(Counter::kNoKey), 1U) << one.capture;
    EXPECT_EQ(engine_->memory_used(), 0U) << one.capture;
  }
}

}  // namespace
}  // namespace tidegate::inspect
