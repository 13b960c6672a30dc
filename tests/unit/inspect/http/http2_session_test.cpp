// SPDX-License-Identifier: Apache-2.0
// Two sessions of nghttp2 talk to each other, with flow control, large header tables, padding, cancelled streams; what
// is seen of it must be what they did.
#include <gmock/gmock.h>
#include <nghttp2/nghttp2.h>

#include <map>
#include <memory>

#include "tests/unit/inspect/http/http2_peer.hpp"
#include "tests/unit/inspect/http/support.hpp"

namespace tidegate::inspect::test {
namespace {

using ::testing::SizeIs;

constexpr std::int32_t kRequests = 300;
constexpr std::int32_t kCancelled = 7;  // every seventh

std::uint8_t* octets(const std::string& text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

// Points into `fields`.
std::vector<nghttp2_nv> list_of(const Fields& fields) {
  std::vector<nghttp2_nv> list;
  for (const auto& [name, value] : fields) {
    list.push_back({octets(name), octets(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return list;
}

// Content of as many bytes as the source says; trailers after it where a stream's id is divisible by 3.
ssize_t give_content(nghttp2_session* session, std::int32_t stream, std::uint8_t* out, std::size_t size,
                     std::uint32_t* flags, nghttp2_data_source* source, void*) {
  const auto left = static_cast<std::size_t>(source->fd);
  const std::size_t given = std::min(left, size);
  std::fill_n(out, given, 'b');
  source->fd = static_cast<int>(left - given);
  if (source->fd > 0) return static_cast<ssize_t>(given);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (stream % 3 == 0 && nghttp2_session_check_server_session(session) != 0) {
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const Fields trailers = {{"grpc-status", std::to_string(stream % 17)}};
    nghttp2_submit_trailer(session, stream, list_of(trailers).data(), trailers.size());
  }
  return static_cast<ssize_t>(given);
}

ssize_t pad(nghttp2_session*, const nghttp2_frame* frame, std::size_t longest, void*) {
  return static_cast<ssize_t>(std::min(longest, frame->hd.length + static_cast<std::size_t>(frame->hd.stream_id) % 9));
}

nghttp2_data_provider content_of(std::int32_t size) { return {{.fd = size}, give_content}; }

// The server answers when a request is whole.
int answer(nghttp2_session* session, const nghttp2_frame* frame, void*) {
  const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (!ends || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)) return 0;
  const std::int32_t stream = frame->hd.stream_id;
  const Fields fields = {{":status", std::to_string(200 + stream % 100)},
                         {"etag", "tag-" + std::to_string(stream)},
                         {"server", "nghttp2"}};
  const nghttp2_data_provider content = content_of(stream % 100 * 40);
  nghttp2_submit_response(session, stream, list_of(fields).data(), fields.size(), &content);
  return 0;
}

using Session = std::unique_ptr<nghttp2_session, decltype(&nghttp2_session_del)>;

Session make_session(bool server) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_select_padding_callback(callbacks, pad);
  if (server) nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, answer);
  nghttp2_session* session = nullptr;
  server ? nghttp2_session_server_new(&session, callbacks, nullptr)
         : nghttp2_session_client_new(&session, callbacks, nullptr);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry entries[] = {{NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 65536},
                                            {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, entries, 2);
  return {session, nghttp2_session_del};
}

void ask(nghttp2_session* session, std::int32_t i) {
  const std::string path = "/item/" + std::to_string(i) + "?v=" + std::to_string(i);
  const bool posts = i % 2 == 0;
  const Fields fields = {{":method", posts ? "POST" : "GET"},
                         {":scheme", "https"},
                         {":authority", "h.example"},
                         {":path", path},
                         {"user-agent", "nghttp2/" + std::to_string(i % 5)},
                         {"cookie", "sid=" + path}};
  const nghttp2_data_provider content = content_of(i * 11);
  const std::int32_t stream = nghttp2_submit_request(session, nullptr, list_of(fields).data(), fields.size(),
                                                     posts ? &content : nullptr, nullptr);
  if (i % kCancelled == 0) nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
}

// Everything that one side has to say now, given to the other one and to the script.
bool talk(nghttp2_session* from, nghttp2_session* to, Direction direction, Script& script) {
  const std::uint8_t* bytes = nullptr;
  std::string all;
  for (ssize_t size = 0; (size = nghttp2_session_mem_send(from, &bytes)) > 0;)
    all.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  if (all.empty()) return false;
  EXPECT_EQ(nghttp2_session_mem_recv(to, reinterpret_cast<const std::uint8_t*>(all.data()), all.size()),
            static_cast<ssize_t>(all.size()));
  script.push_back(says(direction, all));
  return true;
}

Script conversation() {
  const Session client = make_session(false);
  const Session server = make_session(true);
  Script script;
  for (std::int32_t i = 1; i <= kRequests; ++i) {
    ask(client.get(), i);
    if (i % 10 != 0) continue;
    while (talk(client.get(), server.get(), kClient, script) | talk(server.get(), client.get(), kServer, script)) {
    }
  }
  return script;
}

void expect_as_asked(const Result& result) {
  EXPECT_EQ(result.counters.of(Counter::kMalformedHttp), 0U);
  std::map<std::string, const Summary*> by_path;
  for (const Summary& summary : result.summaries) by_path[summary.path] = &summary;
  std::size_t answered = 0;
  for (std::int32_t i = 1; i <= kRequests; ++i) {
    const auto found = by_path.find("/item/" + std::to_string(i));
    if (i % kCancelled == 0) continue;  // some are cancelled before they are sent
    ASSERT_NE(found, by_path.end()) << i;
    const Summary& summary = *found->second;
    EXPECT_EQ(summary.method, i % 2 == 0 ? "POST" : "GET");
    EXPECT_EQ(summary.user_agent, "nghttp2/" + std::to_string(i % 5));
    const std::int32_t stream = 2 * i - 1;
    EXPECT_EQ(summary.status, 200 + stream % 100);
    EXPECT_EQ(summary.grpc_status, stream % 3 == 0 ? std::optional<std::uint32_t>(stream % 17) : std::nullopt);
    EXPECT_FALSE(summary.lossy || summary.reset || summary.truncated);
    EXPECT_GE(summary.request_bytes, i % 2 == 0 ? static_cast<std::uint64_t>(i) * 11 : 1);
    ++answered;
  }
  EXPECT_EQ(answered, static_cast<std::size_t>(kRequests - kRequests / kCancelled));
}

TEST(Http2Session, EveryRequestIsSeen) {
  const Script script = conversation();
  const std::pair<std::size_t, Order> ways[] = {{std::string::npos, Order::kAsItIs},
                                                {1, Order::kAsItIs},
                                                {1448, Order::kClientFirst},
                                                {1448, Order::kServerFirst}};
  for (const auto& [piece, order] : ways) expect_as_asked(run_in_pieces(script, piece, order));
  Scene skipping;
  skipping.skips = true;
  const Result result = run(script, skipping);
  expect_as_asked(result);
  EXPECT_GT(result.skipped, 100'000U);
}

}  // namespace
}  // namespace tidegate::inspect::test
