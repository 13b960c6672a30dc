// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <queue>
#include <string>
#include <vector>

#include "agent/base/unique_fd.hpp"
#include "agent/decisions/record.hpp"

namespace tidegate::decisions {
namespace {

constexpr std::size_t kRunBytes = 4 << 20;
constexpr std::size_t kReadBytes = 16 << 10;
static_assert(kReadBytes > 2 * kMostRecord);

std::unexpected<Error> spool_failure(int error_number, const std::filesystem::path& directory) {
  if (error_number == ENOSPC || error_number == EDQUOT) {
    return fail(ErrorCode::kResourceExhausted,
                "state directory " + directory.string() +
                    ": disk full; nothing was imported; free some space there and try again");
  }
  return fail_errno(error_number, "cannot put an import aside in " + directory.string());
}

Result<UniqueFd> unnamed_file(const std::filesystem::path& directory) {
  UniqueFd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) {
    if (!fd) return spool_failure(errno, directory);
    return fd;
  }
  std::string name = (directory / "import-XXXXXX").string();  // a file system without O_TMPFILE
  fd.reset(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return spool_failure(errno, directory);
  ::unlink(name.c_str());
  return fd;
}

// One sorted stretch of the file, read through a small buffer.
class Run {
 public:
  Run(int fd, off_t begin, off_t end, const std::filesystem::path& directory)
      : fd_(fd), at_(begin), end_(end), directory_(&directory) {}

  // False: the run is at its end. Otherwise target() and read() are of the next record.
  Result<bool> advance() {
    used_ += current_;
    current_ = 0;
    if (held_ - used_ < kMostRecord && at_ < end_) TIDEGATE_TRY(fill());
    if (used_ == held_) return false;
    const RecordHead head = read_head(buffer_.data() + used_);
    target_ = {{head.address_hi, head.address_lo}, head.length};
    current_ = head.size();
    return true;
  }
  const Prefix& target() const { return target_; }
  void read(NewDecision& decision) const { read_record(buffer_.data() + used_, decision); }

 private:
  Status fill() {
    buffer_.resize(kReadBytes);
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(used_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(held_), buffer_.begin());
    held_ -= used_;
    used_ = 0;
    while (held_ < kReadBytes && at_ < end_) {
      const auto want = std::min<std::size_t>(kReadBytes - held_, static_cast<std::size_t>(end_ - at_));
      const ssize_t got = ::pread(fd_, buffer_.data() + held_, want, at_);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return spool_failure(got < 0 ? errno : EIO, *directory_);
      held_ += static_cast<std::size_t>(got);
      at_ += got;
    }
    return {};
  }

  int fd_;
  off_t at_;
  off_t end_;
  const std::filesystem::path* directory_;
  std::vector<char> buffer_;
  std::size_t used_ = 0;     // before this: handed out
  std::size_t current_ = 0;  // size of the present record
  std::size_t held_ = 0;
  Prefix target_;
};

class FileSpool final : public Spool {
 public:
  FileSpool(UniqueFd fd, std::filesystem::path directory) : fd_(std::move(fd)), directory_(std::move(directory)) {}

  Status add(const NewDecision& decision) override {
    TIDEGATE_TRY(validate(decision));
    order_.push_back({decision.target, static_cast<std::uint32_t>(buffer_.size())});
    write_record(decision, buffer_);
    ++size_;
    return buffer_.size() >= kRunBytes ? write_run() : Status{};
  }

  std::uint64_t size() const override { return size_; }

  Result<std::function<Result<const NewDecision*>()>> drain() override {
    TIDEGATE_TRY(write_run());
    buffer_ = {};
    order_ = {};
    for (std::size_t i = 0; i + 1 < bounds_.size(); ++i)
      runs_.emplace_back(fd_.get(), bounds_[i], bounds_[i + 1], directory_);
    for (std::size_t i = 0; i < runs_.size(); ++i) TIDEGATE_TRY(enqueue(i));
    return [this] { return next(); };
  }

 private:
  struct Position {
    Prefix target;
    std::uint32_t at;
    friend auto operator<=>(const Position&, const Position&) = default;
  };
  struct Head {
    Prefix target;
    std::size_t run;  // an earlier run holds what was added earlier
    friend auto operator<=>(const Head&, const Head&) = default;
  };

  Status write_run() {
    if (order_.empty()) return {};
    std::ranges::sort(order_);
    std::vector<char> sorted;
    sorted.reserve(buffer_.size());
    for (const Position& position : order_) {
      const char* record = buffer_.data() + position.at;
      sorted.insert(sorted.end(), record, record + read_head(record).size());
    }
    for (std::size_t done = 0; done < sorted.size();) {
      const ssize_t put =
          ::pwrite(fd_.get(), sorted.data() + done, sorted.size() - done, bounds_.back() + static_cast<off_t>(done));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return spool_failure(put < 0 ? errno : ENOSPC, directory_);
      done += static_cast<std::size_t>(put);
    }
    bounds_.push_back(bounds_.back() + static_cast<off_t>(sorted.size()));
    buffer_.clear();
    order_.clear();
    return {};
  }

  Status enqueue(std::size_t run) {
    TIDEGATE_ASSIGN(const bool any, runs_[run].advance());
    if (any) heads_.push({runs_[run].target(), run});
    return {};
  }

  Result<const NewDecision*> next() {
    if (heads_.empty()) return nullptr;
    const std::size_t run = heads_.top().run;
    heads_.pop();
    runs_[run].read(decision_);
    TIDEGATE_TRY(enqueue(run));
    return &decision_;
  }

  UniqueFd fd_;
  std::filesystem::path directory_;
  std::uint64_t size_ = 0;
  std::vector<char> buffer_;     // records of the run that is being gathered
  std::vector<Position> order_;  // where they are
  std::vector<off_t> bounds_{0};
  std::vector<Run> runs_;
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads_;
  NewDecision decision_;
};

}  // namespace

Result<std::unique_ptr<Spool>> Spool::create(const std::filesystem::path& directory) {
  TIDEGATE_ASSIGN(UniqueFd fd, unnamed_file(directory));
  return std::make_unique<FileSpool>(std::move(fd), directory);
}

}  // namespace tidegate::decisions
