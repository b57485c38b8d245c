// What a test needs done outside of its package: servers, logins, files on disk, answers of any kind.

import { createServer, request } from "node:http";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { Server } from "../../../../interop/sdk/harness/server.js";
import * as sftp from "../../../../interop/sdk/harness/sftp.js";

const PATIENCE_MS = 20_000;

/** Runs servers. Arguments and results are JSON, so that a page can call it from afar (remote.js). */
export class Host {
  #items = [];
  #origin;

  /** `origin`: the web origin whose pages may call the servers. */
  constructor(origin = "https://app.example.com") {
    this.#origin = origin;
  }

  /** Starts a Longshore server; `settings` are environment variables. */
  async start(settings) {
    const server = await Server.start({ LONGSHORE_API_CORS_ORIGINS: this.#origin, ...settings });
    return { id: this.#keep(server), api: server.api, key: server.key };
  }

  /** Ends a server. */
  async stop(id) {
    await this.#items[id].stop();
  }

  /** Sends a signal to a server. */
  async signal(id, name) {
    this.#items[id].signal(name);
  }

  /** Waits until a server has ended by itself. */
  async ended(id) {
    await this.#items[id].ended;
  }

  /** Sends exactly what it is told, path included. */
  async raw(id, method, path, { headers = {}, body, key = this.#items[id].key } = {}) {
    const { hostname, port } = new URL(this.#items[id].api);
    const authorization = key === null ? {} : { authorization: `Key ${key}` };
    const content = body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    return new Promise((done, failed) => {
      const sent = request({ hostname, port, method, path, agent: false, headers: { ...authorization, ...content, ...headers } }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk) => (text += chunk));
        answer.on("end", () => done({ status: answer.statusCode, headers: answer.headers, text }));
        answer.on("error", failed);
      });
      sent.on("error", failed);
      sent.end(body);
    });
  }

  /** Median time in nanoseconds of `rounds` answers to each key. */
  async timings(id, keys, rounds) {
    const times = keys.map(() => []);
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, key] of keys.entries()) {
        const started = process.hrtime.bigint();
        await this.raw(id, "GET", "/2022-04-01/users", { key });
        times[index].push(Number(process.hrtime.bigint() - started));
      }
    }
    return times.map((list) => list.sort((a, b) => a - b)[list.length >> 1]);
  }

  /** Logs in with OpenSSH's client and runs a batch of its commands. */
  async sftp(id, user, batch) {
    return sftp.run(this.#items[id], user, batch);
  }

  /** Begins an upload and resolves, when the server has a part of it, to a number for `uploaded`. */
  async upload(id, user, { bytes, kilobits }) {
    const server = this.#items[id];
    const local = join(server.folder, "large.bin");
    await writeFile(local, Buffer.alloc(bytes, 1));
    const session = await sftp.start(server, user, [`put ${local} large.bin`], "-l", String(kilobits));
    await until(async () => {
      if (session.exitCode !== null) throw new Error("the upload ended before it was seen");
      return (await uploadsIn(join(server.dataDir, "buckets", user.bucketName, "staging"))).length > 0;
    }, "the upload does not begin");
    return this.#keep({ session, stop: () => session.kill("SIGKILL") });
  }

  /** Waits for an upload to end; resolves to the client's exit code. */
  async uploaded(upload) {
    return (await this.#items[upload].session.ended).code;
  }

  /** Names in a folder of a bucket. */
  async files(id, bucket, ...path) {
    return readdir(this.#items[id].files(bucket, ...path));
  }

  /** Waits until no unfinished upload is left in a bucket. */
  async unstaged(id, bucket) {
    const staging = join(this.#items[id].dataDir, "buckets", bucket, "staging");
    await until(async () => (await uploadsIn(staging)).length === 0, "the upload is still in staging");
  }

  /**
   * A proxy in front of a server that does not hand over its first `lose` answers: it breaks the connection, before
   * the answer or (`half`) in it, or (`hang`) leaves it open.
   */
  async proxy(id, lose, { half = false, hang = false } = {}) {
    const { hostname, port } = new URL(this.#items[id].api);
    const seen = [];
    return this.#listen(seen, (incoming, outgoing) => {
      const { method, url: path, headers } = incoming;
      const forward = request({ hostname, port, method, path, headers, agent: false }, (answer) => {
        const text = [];
        answer.on("data", (chunk) => text.push(chunk));
        answer.on("end", () => {
          const body = Buffer.concat(text);
          if (method !== "OPTIONS" && seen.push(method) <= lose) {
            if (hang) return;
            if (!half) return incoming.socket.destroy();
            outgoing.writeHead(answer.statusCode, { ...answer.headers, "content-length": body.length + 100 });
            outgoing.write(body, () => incoming.socket.destroy());
            return;
          }
          outgoing.writeHead(answer.statusCode, answer.headers);
          outgoing.end(body);
        });
      });
      forward.on("error", () => incoming.socket.destroy());
      incoming.pipe(forward);
    });
  }

  /** Methods of the requests that a proxy has answered or lost. */
  async proxied(id) {
    return this.#items[id].seen;
  }

  /**
   * A server that gives these answers in turn, the last one for ever: `status`, `headers`, `json` or `text`, `delay` and
   * `retryAfterDate` (seconds from now); or `drop`, `half` (breaks off), `hang` (no answer), `stall` (half an answer).
   */
  async script(answers) {
    const seen = [];
    const allowed = {
      "access-control-allow-origin": this.#origin,
      "access-control-allow-methods": "GET, POST, PUT, DELETE",
      "access-control-allow-headers": "authorization, content-type, amz-sdk-invocation-id, amz-sdk-request, x-amz-user-agent",
      "access-control-expose-headers": "x-amzn-requestid, x-amzn-errortype, retry-after",
    };
    return this.#listen(seen, async (incoming, outgoing) => {
      if (incoming.method === "OPTIONS") return outgoing.writeHead(204, allowed).end();
      incoming.resume();
      const answer = answers[Math.min(seen.length, answers.length - 1)];
      seen.push({ method: incoming.method, path: incoming.url, headers: incoming.headers });
      if (answer.drop) return incoming.socket.destroy();
      if (answer.hang) return;
      const { status = 200, headers = {}, json, text = JSON.stringify(json ?? {}), delay = 0, retryAfterDate } = answer;
      if (delay > 0) await sleep(delay);
      const date = retryAfterDate === undefined ? {} : { "retry-after": new Date(Date.now() + retryAfterDate * 1000).toUTCString() };
      const short = answer.half || answer.stall;
      outgoing.writeHead(status, {
        "content-type": "application/json", "content-length": Buffer.byteLength(text) + (short ? 10 : 0), ...allowed, ...date, ...headers,
      });
      if (!short) return outgoing.end(text);
      outgoing.write(text, () => answer.half && incoming.socket.destroy());
    });
  }

  /** The requests that a scripted server has seen. */
  async scripted(id) {
    return this.#items[id].seen;
  }

  /** Ends everything. */
  async close() {
    for (const item of this.#items.splice(0).reverse()) await item.stop();
  }

  async #listen(seen, handler) {
    const server = createServer(handler);
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const stop = () => {
      server.close();
      server.closeAllConnections();
    };
    return { id: this.#keep({ seen, stop }), api: `http://127.0.0.1:${server.address().port}` };
  }

  #keep(item) {
    return this.#items.push(item) - 1;
  }
}

async function until(condition, otherwise) {
  for (const deadline = Date.now() + PATIENCE_MS; !(await condition()); await sleep(20)) {
    if (Date.now() > deadline) throw new Error(otherwise);
  }
}

/** What lies in a bucket's staging folder beside its journal, which is always there. */
async function uploadsIn(staging) {
  return (await readdir(staging, { recursive: true })).filter((name) => name !== "journal");
}
