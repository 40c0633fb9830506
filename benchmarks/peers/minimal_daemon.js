// A peer of the daemon comparisons: the least that answers attempts, by the module net. It parses
// each request, checks nothing, and answers that the attempt is normal.
//
//     node minimal_daemon.js SOCKET
"use strict";

const fs = require("node:fs");
const net = require("node:net");

const path = process.argv[2];

function decide(attempt) {
  return { action: "normal" };
}

const server = net.createServer((client) => {
  let rest = "";
  client.setEncoding("utf8");
  client.on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    if (lines.length) {
      client.write(lines.map((line) => JSON.stringify(decide(JSON.parse(line))) + "\n").join(""));
    }
  });
  client.on("error", () => client.destroy());
});
fs.rmSync(path, { force: true });
server.listen({ path, backlog: 1024 });
