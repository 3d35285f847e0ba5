// Bundles the extension into out/extension.js; with --test, each test into out/test/ instead.
import { readdir, readFile, rm, writeFile } from "node:fs/promises";

import { build } from "esbuild";

const test = process.argv.includes("--test");
const minify = process.argv.includes("--minify");

if (test) {
  await rm("out/test", { recursive: true, force: true });
}
const { metafile } = await build({
  entryPoints: test ? ["test/*.test.ts"] : ["src/extension.ts"],
  outdir: test ? "out/test" : "out",
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  external: ["vscode"],
  minify,
  // A stack trace in someone's log should name our lines.
  sourcemap: minify ? false : "linked",
  keepNames: true,
  metafile: true,
  logLevel: "warning",
});
if (!test) {
  await writeFile("out/THIRD-PARTY-NOTICES.txt", await notices(Object.keys(metafile.inputs)));
}

/** The licences of the packages that are in the bundle. */
async function notices(inputs) {
  const folders = inputs.map((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]);
  const parts = ["The bundle out/extension.js contains these packages."];
  for (const folder of [...new Set(folders)].filter(Boolean).sort()) {
    const { name, version } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined) {
      throw new Error(`${name} has no licence file`);
    }
    parts.push(`${name} ${version}\n\n${(await readFile(`${folder}/${file}`, "utf8")).trim()}`);
  }
  return parts.join(`\n\n${"-".repeat(80)}\n\n`) + "\n";
}
