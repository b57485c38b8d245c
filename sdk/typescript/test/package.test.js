// What `npm pack` makes: its content and size, and that new projects of both kinds can use it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

import esbuild from "esbuild";

import { EXAMPLES, example, runExamples } from "./support/examples.js";
import { Host } from "./support/host.js";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const NAME = "@longshore/sdk-client-sftp";
const MAX_BYTES = 20 * 1024;
const require = createRequire(import.meta.url);
const manifest = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
const host = new Host();
let folder, server, tarball, packed;

async function run(cwd, command, ...args) {
  try {
    return (await promisify(execFile)(command, args, { cwd })).stdout;
  } catch (error) {
    throw new Error(`${command} ${args.join(" ")}: ${error.stdout}\n${error.stderr}`);
  }
}
const npm = (cwd, ...args) =>
  process.env.npm_execpath ? run(cwd, process.execPath, process.env.npm_execpath, ...args) : run(cwd, "npm", ...args);
const tsc = (cwd, ...args) => run(cwd, process.execPath, require.resolve("typescript/bin/tsc"), ...args);

/** An empty project with the tarball installed. */
async function project(name, settings) {
  const path = join(folder, name);
  await mkdir(path);
  await writeFile(join(path, "package.json"), JSON.stringify({ name, private: true, ...settings }));
  await npm(path, "install", "--offline", "--no-audit", "--no-fund", tarball);
  return path;
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "longshore-package-"));
  [packed] = JSON.parse(await npm(ROOT, "pack", "--ignore-scripts", "--json", "--pack-destination", folder));
  tarball = join(folder, packed.filename);
  server = await host.start({});
});
after(async () => {
  await host.close();
  await rm(folder, { recursive: true, force: true });
});

test("the tarball contains what it should and nothing else", async () => {
  const sources = (await readdir(join(ROOT, "src"), { recursive: true })).filter((name) => name.endsWith(".ts"));
  const built = ["esm", "cjs"].flatMap((form) => [
    `dist/${form}/package.json`,
    ...sources.flatMap((name) => [".js", ".d.ts"].map((end) => `dist/${form}/${name.replace(/\.ts$/, end)}`)),
  ]);
  const wanted = ["package.json", "README.md", "LICENSE-APACHE", "LICENSE-MIT", ...built];
  assert.deepEqual(packed.files.map((file) => file.path).sort(), wanted.sort());
});

test("there are no dependencies, and the version in the code is the package's", async () => {
  for (const kind of ["dependencies", "peerDependencies", "optionalDependencies"]) assert.equal(manifest[kind], undefined);
  assert.equal((await import("../dist/esm/version.js")).VERSION, manifest.version);
});

test("a page gets less than 20 KiB, and only what it uses", async (t) => {
  const size = async (contents) => {
    const { outputFiles } = await esbuild.build({
      stdin: { contents, resolveDir: ROOT }, bundle: true, minify: true, write: false, format: "esm", platform: "browser", target: "es2022",
    });
    return gzipSync(outputFiles[0].contents, { level: 9 }).length;
  };
  const all = await size('export * from "./dist/esm/index.js"');
  const some = await size('export { ValidationException } from "./dist/esm/index.js"');
  t.diagnostic(`${all} bytes minified and compressed; one class of it ${some}`);
  assert.ok(all < MAX_BYTES, `${all} bytes`);
  assert.ok(some < all / 2, `${some} of ${all} bytes for one class`);
});

test("an empty project of ES modules runs the examples", async () => {
  const path = await project("modules", { type: "module" });
  await runExamples(server, async (name, text) => {
    const { code } = await esbuild.transform(text, { loader: "ts", format: "esm" });
    await writeFile(join(path, `${name}.js`), code);
    return join(path, `${name}.js`);
  });
});

test("an empty CommonJS project in strict TypeScript compiles and runs the examples", async () => {
  const path = await project("commonjs", {});
  for (const name of EXAMPLES) await writeFile(join(path, `${name}.ts`), example(name));
  const base = { strict: true, types: ["node"], typeRoots: [join(ROOT, "node_modules/@types")], skipLibCheck: false };
  // The second one resolves as most projects of today do; its output is what is run.
  for (const options of [{ module: "CommonJS", target: "ES5", lib: ["ES2022", "DOM"] }, { module: "NodeNext", target: "ES2022" }]) {
    const compilerOptions = { ...base, ...options, outDir: "out" };
    await writeFile(join(path, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    await tsc(path);
  }
  await runExamples(server, async (name, text) => {
    // What was compiled, with the placeholders filled in as in the text.
    let code = await readFile(join(path, "out", `${name}.js`), "utf8");
    for (const [, constant] of example(name).matchAll(/^const (\w+) = "YOUR/gm)) {
      const value = new RegExp(`^const ${constant} = (".*");$`, "m").exec(text)[1];
      code = code.replace(new RegExp(`(${constant} = )"[^"]*"`), `$1${value}`);
    }
    const filled = join(path, "out", `${name}.filled.js`);
    await writeFile(filled, code);
    return filled;
  });
});

test("the published package runs the same examples", async () => {
  const path = join(folder, "published");
  await mkdir(path);
  await symlink(join(ROOT, "node_modules"), join(path, "node_modules"));
  await runExamples(server, async (name, text) => {
    const { code } = await esbuild.transform(text.replace(NAME, "@stedi/sdk-client-sftp"), { loader: "ts", format: "cjs" });
    await writeFile(join(path, `${name}.cjs`), code);
    return join(path, `${name}.cjs`);
  });
});
