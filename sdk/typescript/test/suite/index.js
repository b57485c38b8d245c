// What every case gets: a package, a server, and a host that does what no web page could do itself.

import { documented } from "./documented.js";
import { misbehaving } from "./misbehaving.js";
import { rowsCreate } from "./rows_create.js";
import { rowsHttp } from "./rows_http.js";
import { rowsUsers } from "./rows_users.js";
import { users } from "./words.js";

/** All cases: `[name, run(t)]`. */
export const CASES = [...documented, ...rowsCreate, ...rowsUsers, ...rowsHttp, ...misbehaving];

/**
 * The context of a run. `sdk` is a package's exports, `published` whether it is the hosted service's, `host` a Host
 * (test/support/host.js) or its remote.
 */
export async function context({ sdk, published = false, host }) {
  const server = await host.start({});
  const client = (options = {}, to = server) =>
    new sdk.SftpClient({ region: "us", endpoint: `${to.api}/2022-04-01`, apiKey: to.key, ...options });
  return { sdk, published, host, server, client, api: users(sdk, client()), of: (sftp) => users(sdk, sftp) };
}

/** Runs all cases; resolves to `[{ name, failure }]`, `failure` absent where it passed. */
export async function runAll(setting) {
  const t = await context(setting);
  const results = [];
  for (const [name, run] of CASES) {
    try {
      await run(t);
      results.push({ name });
    } catch (error) {
      results.push({ name, failure: `${error?.stack ?? error}` });
    }
  }
  return results;
}
