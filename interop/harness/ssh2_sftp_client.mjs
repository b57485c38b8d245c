// Drives ssh2-sftp-client: node ssh2_sftp_client.mjs METHOD ARGUMENT…, told where and who by the environment.
// Prints nothing; a failure ends it with status 1 and the reason on standard error.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";

// Installed beside the SDKs, see scripts/setup.
const require = createRequire(new URL("../sdk/package.json", import.meta.url));
const Client = require("ssh2-sftp-client");

const { SFTP_HOST, SFTP_PORT, SFTP_USER, SFTP_PASSWORD, SFTP_FINGERPRINT } = process.env;
const [method, ...args] = process.argv.slice(2);
const client = new Client();
try {
  await client.connect({
    host: SFTP_HOST,
    port: Number(SFTP_PORT),
    username: SFTP_USER,
    password: SFTP_PASSWORD,
    algorithms: { serverHostKey: ["ssh-ed25519"] },
    hostVerifier: (key) => `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}` === SFTP_FINGERPRINT,
  });
  // It appends streams and buffers, not files.
  if (method === "append") args[0] = createReadStream(args[0]);
  await client[method](...args);
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
} finally {
  await client.end();
}
