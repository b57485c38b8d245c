// Compiles src/ twice, to ES modules and to CommonJS, each with its types, and says in each folder which it is.

import { execFileSync } from "node:child_process";
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const compile = (...options) => execFileSync(process.execPath, [tsc, "-p", ROOT, ...options], { stdio: "inherit" });

rmSync(join(ROOT, "dist"), { recursive: true, force: true });
compile();
compile("--module", "CommonJS", "--moduleResolution", "Node10", "--outDir", join(ROOT, "dist/cjs"));
for (const [folder, type] of [["esm", "module"], ["cjs", "commonjs"]]) {
  writeFileSync(join(ROOT, "dist", folder, "package.json"), `${JSON.stringify({ type, sideEffects: false })}\n`);
}
// npm packs only what lies in the package's own folder.
for (const name of ["LICENSE-APACHE", "LICENSE-MIT"]) cpSync(join(ROOT, "../..", name), join(ROOT, name));
