// SPDX-License-Identifier: Apache-2.0
// Shares the TLS session keys of Node.js servers, whatever OpenSSL they have (docs/key-sharing.md):
//   NODE_OPTIONS=--require=/usr/share/tidegate/node-keylog.js
// Never waits for the agent: lines that cannot be sent are dropped, and their number is told with the next.
"use strict";
const net = require("net");
const tls = require("tls");

const path = process.env.TIDEGATE_KEYLOG_SOCKET ?? "/run/tidegate/keys.sock";
const room = 1 << 20; // bytes that may wait for the agent
const pause = 1000; // ms between attempts to connect
let agent = null;
let retryAt = 0;
let dropped = 0;

function connect() {
  agent = net.connect(path);
  agent.on("error", () => {});
  agent.on("close", () => {
    agent = null;
    retryAt = Date.now() + pause;
  });
  agent.resume(); // so that its end is noticed
  agent.unref(); // the server may end whenever it likes
}

function send(line) {
  if (!agent && Date.now() >= retryAt) connect();
  if (!agent || agent.writableLength > room) {
    dropped += 1;
    return;
  }
  const untold = dropped;
  dropped = 0;
  const note = Buffer.from(untold > 0 ? `#dropped ${untold}\n` : "");
  agent.write(Buffer.concat([note, line]), (error) => {
    if (error) dropped += untold + 1;
  });
}

// Nothing that goes wrong here may reach the server.
function share(line) {
  try {
    send(line);
  } catch {
    dropped += 1;
  }
}

const { listen } = net.Server.prototype;
net.Server.prototype.listen = function (...how) {
  if (path && this instanceof tls.Server) this.off("keylog", share).on("keylog", share);
  return listen.apply(this, how);
};
