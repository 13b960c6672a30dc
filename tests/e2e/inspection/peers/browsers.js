// SPDX-License-Identifier: Apache-2.0
// People with browsers behind one address: browsers.js ORIGIN FIRST HOW-MANY REPORT.
// Customers FIRST … of the shop (shop.py) with sessions of their own look at pages with many parts, over one HTTP/2
// connection or six kept ones of HTTP/1.1 each, mistype a password once, follow broken links, and pay for what they took,
// until SIGTERM. REPORT is rewritten with what they got: {requests, lost: [what], slowest_ms}.
const fs = require("fs");
const http2 = require("http2");
const https = require("https");
const [origin, first, many, file] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4]), process.argv[5]];
const agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const patience = 15000;
const report = { requests: 0, lost: [], slowest_ms: 0 };
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const once = (start) =>
  new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error("no answer")), patience);
    start(
      (answer) => (clearTimeout(timer), done(answer)),
      (error) => (clearTimeout(timer), fail(error)),
    );
  });

class Http2 {
  constructor() {
    this.session = http2.connect(origin, { rejectUnauthorized: false });
    this.session.on("error", (error) => report.lost.push(`connection: ${error.message}`));
  }
  send(method, path, fields, body) {
    return once((done, fail) => {
      const stream = this.session.request({ ":method": method, ":path": path, ...fields });
      let answer;
      stream.on("response", (headers) => (answer = { status: headers[":status"], cookie: headers["set-cookie"] }));
      stream.on("error", fail).on("data", () => {}).on("end", () => done(answer));
      stream.end(body);
    });
  }
}

class Http1 {
  constructor() {
    this.agent = new https.Agent({ keepAlive: true, maxSockets: 6, rejectUnauthorized: false });
  }
  send(method, path, fields, body) {
    return once((done, fail) => {
      const length = body ? { "content-length": Buffer.byteLength(body) } : {};
      const request = https.request(origin + path, { agent: this.agent, method, headers: { ...fields, ...length } });
      request.on("error", fail).on("response", (answer) => {
        answer.on("error", fail).on("data", () => {});
        answer.on("end", () => done({ status: answer.statusCode, cookie: answer.headers["set-cookie"] }));
      });
      request.end(body);
    });
  }
}

class Customer {
  constructor(number) {
    this.number = number;
    this.line = number % 2 ? new Http1() : new Http2();
    this.fields = { "user-agent": agent };
  }
  async ask(method, path, wanted, body) {
    const began = performance.now();
    const form = body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" };
    try {
      const { status, cookie } = await this.line.send(method, path, { ...this.fields, ...form }, body);
      if (status !== wanted) throw new Error(`${status} instead of ${wanted}`);
      if (cookie) this.fields.cookie = cookie[0].split(";")[0];
    } catch (error) {
      report.lost.push(`customer ${this.number}: ${method} ${path}: ${error.message}`);
    }
    report.requests += 1;
    report.slowest_ms = Math.max(report.slowest_ms, Math.round(performance.now() - began));
  }
  get(path, wanted = 200) {
    return this.ask("GET", path, wanted);
  }
  page(path, parts = 12) {
    const assets = Array.from({ length: parts }, (_, i) => this.get(`/assets/part-${i}.js`));
    return Promise.all([this.get(path), ...assets]);
  }
  async login() {
    await this.page("/login");
    const form = (password) => `username=customer${this.number}&password=${password}`;
    await this.ask("POST", "/login", 401, form("wrogn"));
    await pause(200);
    await this.ask("POST", "/login", 303, form(`right${this.number}`));
  }
  async buy(item) {
    await this.get(`/items/${item}`);
    await this.ask("POST", "/cart", 200, `item=${item}`);
    await this.ask("POST", "/checkout", 200, "");
    await this.ask("POST", "/payment/card", 200, "sum=100");
  }
  async visit(turn) {
    await this.page(`/items/${(turn * 7 + this.number) % 40}`);
    await this.get(`/orders/${100 * this.number + (turn % 20)}`);
    await this.get(`/search?q=${turn % 50}`);
    if (turn % 5 === 1) await this.get("/img/moved-long-ago.png", 404);
    if (turn % 6 === 2) await this.get("/large");
    if (turn % 7 === 3) await this.buy(turn % 40);
  }
  async live() {
    await this.login();
    for (let turn = 0; ; ++turn) {
      await this.visit(turn);
      await pause(800 + 50 * (this.number % 5));
    }
  }
}

const save = () => {
  fs.writeFileSync(`${file}.new`, JSON.stringify(report));
  fs.renameSync(`${file}.new`, file);
};
setInterval(save, 250);
process.on("SIGTERM", () => (save(), process.exit(0)));
for (let i = 0; i < many; ++i) new Customer(first + i).live();
