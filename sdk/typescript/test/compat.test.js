// One suite, with our package in both its forms and with the hosted service's: the same results from a real server.

import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";

import { CASES, context } from "./suite/index.js";
import { Host } from "./support/host.js";

const require = createRequire(import.meta.url);
const PACKAGES = {
  "ours, ES module": { sdk: await import("../dist/esm/index.js") },
  "ours, CommonJS": { sdk: require("../dist/cjs/index.js") },
  "@stedi/sdk-client-sftp 0.4.78": { sdk: require("@stedi/sdk-client-sftp"), published: true },
};

for (const [name, setting] of Object.entries(PACKAGES)) {
  describe(name, () => {
    const host = new Host();
    let t;
    before(async () => (t = await context({ ...setting, host })));
    after(() => host.close());
    for (const [title, run] of CASES) test(title, () => run(t));
  });
}
