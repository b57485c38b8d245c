// Runs the suite in any runtime with fetch: `program.js CONTROL_URL`. Prints the results as a line of JSON.

import * as sdk from "../../dist/esm/index.js";
import { runAll } from "../suite/index.js";
import { remote } from "./remote.js";

const url = (globalThis.Deno?.args ?? globalThis.process.argv.slice(2))[0];
console.log(`RESULTS ${JSON.stringify(await runAll({ sdk, host: remote(url) }))}`);
