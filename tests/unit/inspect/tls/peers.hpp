// SPDX-License-Identifier: Apache-2.0
// A TLS client and a server of libssl in one process: what they say to each other is recorded with the server's keys.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/inspect/model/flow.hpp"

namespace tidegate::inspect::test {

struct Piece {
  Direction direction = Direction::kToServer;
  std::string bytes;
};

// What went over the wire, and what it meant.
struct Transcript {
  std::vector<Piece> pieces;
  std::vector<std::string> keys{};
  std::array<std::string, 2> said{};  // plaintext, by Direction
};

struct SslDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};

struct PeerSetup {
  int version = TLS1_3_VERSION;
  std::string suites{};  // TLS 1.3: ciphersuites, else: cipher list; empty: libssl's own
  bool alpn = true;      // both speak http/1.1
  std::function<void(SSL_CTX* client, SSL_CTX* server)> configure{};
};

// Contexts outlive connections, so that sessions can be resumed.
class Peers {
 public:
  explicit Peers(const PeerSetup& setup);
  ~Peers();

  // Ends the present connection, if there is one, and begins another; `resume`: with the last session. Its transcript
  // begins anew.
  void connect(bool resume = false);
  // Early data goes out before the handshake when it is not empty. False: the handshake failed.
  bool handshake(const std::string& early_data = {});
  void say(Direction from, const std::string& text);
  // Both close_notify alerts.
  void close();
  void update_key(Direction from, bool both);
  bool renegotiate();

  SSL* client() { return client_.get(); }
  SSL* server() { return server_.get(); }
  bool early_data_accepted() const { return early_accepted_; }
  const Transcript& transcript() const { return transcript_; }
  void move_all();

  // Changes what is sent next, on its way, once.
  std::function<void(std::string& bytes)> alter_next{};

 private:
  void move(SSL* from, SSL* to, Direction direction);
  void read_all(SSL* ssl, Direction direction);
  SSL* end_of(Direction from) { return from == Direction::kToServer ? client_.get() : server_.get(); }

  std::unique_ptr<SSL_CTX, SslDeleter> client_context_;
  std::unique_ptr<SSL_CTX, SslDeleter> server_context_;
  std::unique_ptr<SSL, SslDeleter> client_;
  std::unique_ptr<SSL, SslDeleter> server_;
  std::unique_ptr<SSL_SESSION, SslDeleter> session_;
  bool early_accepted_ = false;
  Transcript transcript_;
};

}  // namespace tidegate::inspect::test
