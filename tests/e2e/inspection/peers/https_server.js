// SPDX-License-Identifier: Apache-2.0
// A plain HTTPS server of Node's own library: https_server.js PORT CERTIFICATE KEY [http2].
const fs = require("fs");
const http2 = require("http2");
const https = require("https");
const [port, cert, key, kind] = process.argv.slice(2);
const options = { cert: fs.readFileSync(cert), key: fs.readFileSync(key), allowHTTP1: true };
const create = kind === "http2" ? http2.createSecureServer : https.createServer;
create(options, (_, answer) => answer.end("by node\n")).listen(Number(port), "0.0.0.0");
