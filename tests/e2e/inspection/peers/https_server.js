// SPDX-License-Identifier: Apache-2.0
// A plain HTTPS server of Node's own library: https_server.js PORT CERTIFICATE KEY.
const fs = require("fs");
const https = require("https");
const [port, cert, key] = process.argv.slice(2);
https
  .createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, (_, answer) => answer.end("by node\n"))
  .listen(Number(port), "0.0.0.0");
