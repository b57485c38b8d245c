// Offers a Host to programs in other runtimes, and serves the files of this package as a page's.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { Host } from "./host.js";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const METHODS = Object.getOwnPropertyNames(Host.prototype).filter((name) => name !== "constructor");

/** Starts it; `{ url, host, close() }`. Pages from `url` are of another origin than every server of the host. */
export async function control() {
  let host;
  const server = createServer(async (incoming, outgoing) => {
    try {
      if (incoming.method === "GET") return await file(incoming.url, outgoing);
      const chunks = [];
      for await (const chunk of incoming) chunks.push(chunk);
      const { method, args } = JSON.parse(Buffer.concat(chunks).toString());
      if (!METHODS.includes(method)) throw new Error(`no method ${method}`);
      const answer = await host[method](...args).then((value) => ({ value }), (error) => ({ failure: String(error?.stack ?? error) }));
      outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    } catch (error) {
      outgoing.writeHead(500).end(String(error));
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${server.address().port}`;
  host = new Host(url);
  const close = async () => {
    server.close();
    server.closeAllConnections();
    await host.close();
  };
  return { url, host, close };
}

async function file(path, outgoing) {
  if (path === "/") return outgoing.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>SDK</title>");
  if (!/^\/(dist\/esm|test)\/[\w/]+\.js$/.test(path)) return outgoing.writeHead(404).end();
  const text = await readFile(join(ROOT, path));
  return outgoing.writeHead(200, { "content-type": "text/javascript" }).end(text);
}
