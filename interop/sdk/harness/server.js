// `longshore serve` on free ports with a data directory of its own.

import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
const START_MS = 60_000;

/** The program under test: `LONGSHORE_BIN`, else the debug build. */
function binary() {
  const target = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
  const path = resolve(process.env.LONGSHORE_BIN ?? join(target, "debug/longshore"));
  if (!existsSync(path)) {
    throw new Error(`${path} does not exist: cargo build, or name another one in LONGSHORE_BIN`);
  }
  return path;
}

/** The environment without settings of other servers, and `more`. */
function environment(more) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("LONGSHORE_"));
  return { ...Object.fromEntries(inherited), ...more };
}

export class Server {
  /** Starts a server; `settings` are environment variables (`LONGSHORE_…`). */
  static async start(settings = {}) {
    const server = new Server();
    server.folder = await mkdtemp(join(tmpdir(), "longshore-sdk-"));
    server.dataDir = join(server.folder, "data");
    const listen = ["--sftp-listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0"];
    server.process = spawn(binary(), ["serve", "--data-dir", server.dataDir, ...listen], {
      env: environment({ LONGSHORE_SFTP_PUBLIC_HOST: "sftp.example.com", ...settings }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    server.log = "";
    for (const stream of [server.process.stdout, server.process.stderr]) {
      stream.on("data", (chunk) => (server.log += chunk));
    }
    server.ended = new Promise((done) => server.process.once("exit", (code, signal) => done({ code, signal })));
    try {
      Object.assign(server, await server.#addresses());
      server.key = await server.command("api-key", "create", "--quiet");
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Runs a command of the program on this server's data directory; resolves to what it printed. */
  async command(...words) {
    const { stdout } = await promisify(execFile)(binary(), [...words, "--data-dir", this.dataDir], {
      env: environment({}),
    });
    return stdout.trim();
  }

  /** Where the files of a bucket lie on disk. */
  files(bucket, ...path) {
    return join(this.dataDir, "buckets", bucket, "files", ...path);
  }

  /** Sends a signal. */
  signal(name) {
    this.process.kill(name);
  }

  /** Ends the server, if it still runs, and removes its files. */
  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) this.signal("SIGKILL");
    await this.ended;
    await rm(this.folder, { recursive: true, force: true });
  }

  async #addresses() {
    const deadline = Date.now() + START_MS;
    while (Date.now() < deadline) {
      try {
        const { api, sftp } = JSON.parse(await readFile(join(this.dataDir, "run/server.json"), "utf8"));
        return { api: `http://${api}`, sftpPort: Number(sftp.split(":").at(-1)) };
      } catch (error) {
        if (error.code !== "ENOENT") throw error;
      }
      if (this.process.exitCode !== null) break;
      await sleep(20);
    }
    throw new Error(`the server did not start:\n${this.log}`);
  }
}
