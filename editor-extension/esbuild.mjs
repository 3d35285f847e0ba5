// Bundles the extension into out/extension.js and its pages into out/webviews; with --test, each test into out/test/.
import { readdir, readFile, rm, writeFile } from "node:fs/promises";

import { build } from "esbuild";

const test = process.argv.includes("--test");
const minify = process.argv.includes("--minify");

const shared = {
  bundle: true,
  minify,
  // A stack trace in someone's log should name our lines.
  sourcemap: minify ? false : "linked",
  keepNames: true,
  metafile: true,
  logLevel: "warning",
};
const onNode = { ...shared, platform: "node", target: "node20", format: "cjs", external: ["vscode"] };

if (test) {
  await rm("out/test", { recursive: true, force: true });
  const tests = (await readdir("test", { recursive: true })).filter((name) => name.endsWith(".test.ts"));
  await build({ ...onNode, entryPoints: tests.map((name) => `test/${name}`), outdir: "out/test", outbase: "test" });
} else {
  await rm("out/webviews", { recursive: true, force: true });
  const pages = (await readdir("src/webviews")).filter((name) => /^[a-z]+\.ts$/i.test(name));
  const built = [
    await build({ ...onNode, entryPoints: ["src/extension.ts"], outdir: "out" }),
    await build({
      ...shared,
      entryPoints: pages.map((name) => `src/webviews/${name}`),
      outdir: "out/webviews",
      target: "es2022",
      format: "iife",
    }),
  ];
  const inputs = built.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  await writeFile("out/THIRD-PARTY-NOTICES.txt", await notices(inputs));
}

/** The licences of the packages that are in the bundle. */
async function notices(inputs) {
  const folders = inputs.map((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]);
  const parts = ["The bundles in out/ contain these packages."];
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
