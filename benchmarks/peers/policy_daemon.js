// A peer of the daemon comparisons: the daemon that a user of Node would write by the module net,
// with GreenArrow's three examples as its policy.
//
//     node policy_daemon.js SOCKET BLACKLIST
"use strict";

const fs = require("node:fs");
const net = require("node:net");

const [path, blacklist] = process.argv.slice(2);
const TEMPORARY_FAILURE = {
  action: "pause",
  message: "Error in pre_delivery_attempt_hook (see logfile)",
  error: true,
};
const KEYS = {
  normal: new Set(["action", "deliver_as_if_to_domain"]),
  pause: new Set(["action", "message"]),
  dump: new Set(["action", "message"]),
  new_mtaid: new Set(["action", "new_mtaid", "deliver_as_if_to_domain"]),
  new_config: new Set(["action", "new_mtaid", "new_sender"]),
};
const STRICTNESS = { normal: 0, new_mtaid: 1, new_config: 1, pause: 2, dump: 3 };

const policy = [
  function recipientBlacklist(attempt, state) {
    const now = Math.floor(Date.now() / 1000);
    if (state.lastReadTime === undefined || Math.abs(state.lastReadTime - now) > 3) {
      const lines = fs.readFileSync(blacklist, "utf8").split("\n");
      state.recipientBlacklist = new Set(lines.map((line) => line.trim().toLowerCase()));
      state.lastReadTime = now;
    }
    if (state.recipientBlacklist.has(attempt.recipient.toLowerCase())) {
      return { action: "dump", message: "This address is on an internal blacklist. (#5.7.1)" };
    }
    return { action: "normal" };
  },
  function changeVirtualMTA(attempt) {
    if (attempt.sendid === "trans170101") {
      process.stderr.write("pre_delivery_attempt_hook: matched!\n");
      return { action: "new_mtaid", new_mtaid: "smtp1-3" };
    }
    return { action: "normal" };
  },
  function doNothing() {
    return { action: "normal" };
  },
];
const state = {};

function checked(returned) {
  const keys = KEYS[returned.action];
  for (const key in returned) {
    if (!keys.has(key)) throw new Error(`invalid return: ${key}`);
  }
  return returned;
}

function decide(attempt) {
  let decision = { action: "normal" };
  for (const hook of policy) {
    try {
      const returned = checked(hook(attempt, state));
      if (STRICTNESS[returned.action] > STRICTNESS[decision.action]) decision = returned;
    } catch (error) {
      console.error(`error in pre_delivery_attempt_hook: ${error}`);
      return TEMPORARY_FAILURE;
    }
  }
  return decision;
}

function answer(line) {
  let attempt;
  try {
    attempt = JSON.parse(line);
  } catch {
    return TEMPORARY_FAILURE;
  }
  return decide(attempt);
}

const server = net.createServer((client) => {
  let rest = "";
  client.setEncoding("utf8");
  client.on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    if (lines.length) {
      client.write(lines.map((line) => JSON.stringify(answer(line)) + "\n").join(""));
    }
  });
  client.on("error", () => client.destroy());
});
fs.rmSync(path, { force: true });
server.listen({ path, backlog: 1024 });
