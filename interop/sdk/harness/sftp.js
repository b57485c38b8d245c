// OpenSSH's client, with a password that it asks a program for.

import { spawn } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";

const LIMIT_MS = 60_000;

/**
 * Starts `sftp` as `username` with a batch of commands. Resolves to the child process with `ended`, a promise of
 * `{ code, stdout, stderr }`. `options` go before the host.
 */
export async function start(server, { username, password }, batch, ...options) {
  const askpass = join(server.folder, "askpass");
  await writeFile(askpass, '#!/bin/sh\nprintf "%s\\n" "$SFTP_PASSWORD"\n');
  await chmod(askpass, 0o700);
  const settings = {
    BatchMode: "no", // `-b` would set it, and then nobody is asked for a password
    NumberOfPasswordPrompts: 1,
    PreferredAuthentications: "password",
    PubkeyAuthentication: "no",
    StrictHostKeyChecking: "accept-new",
    UserKnownHostsFile: join(server.folder, "known_hosts"),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const child = spawn(
    "sftp",
    ["-F", "none", ...flags, ...options, "-b", "-", "-P", String(server.sftpPort), `${username}@127.0.0.1`],
    {
      env: { ...process.env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force", SFTP_PASSWORD: password },
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
    },
  );
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  child.ended = new Promise((done, failed) => {
    child.once("error", failed);
    child.once("close", (code) => done({ code, stdout, stderr }));
  });
  child.stdin.on("error", () => {}); // it may end before it has read all
  child.stdin.end(batch.join("\n") + "\n");
  return child;
}

/** As `start`, and waits for the end. */
export async function run(server, user, batch, ...options) {
  const child = await start(server, user, batch, ...options);
  return child.ended;
}
