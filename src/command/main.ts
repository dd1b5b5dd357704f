#!/usr/bin/env node
// What npm installs as `hawser`: the command, in the surroundings of a process.
import { selectBackend } from '../backends/select.ts'
import { runCommand } from './command.ts'

const { env, argv, stdout, stderr } = process
const controller = new AbortController()
// The second Ctrl-C ends the process at once.
process.once('SIGINT', () => controller.abort())

void runCommand(argv.slice(2), {
  // To look at it opens it.
  get stdin() {
    return process.stdin
  },
  stdout,
  stderr,
  stdoutIsTerminal: stdout.isTTY === true,
  stderrIsTerminal: stderr.isTTY === true,
  columns: stdout.columns || stderr.columns || 80,
  env,
  signal: controller.signal,
  clock: selectBackend('auto').clock,
}).then((status) => {
  process.exitCode = status
})
