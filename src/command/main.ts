#!/usr/bin/env node
// The executable that npm installs as `hawser`. It connects the command to the process.
import { selectBackend } from '../backends/select.ts'
import { runCommand } from './command.ts'

const { argv, stdout, stderr } = process
const controller = new AbortController()
// With `once`, a second Ctrl-C terminates the process at once.
process.once('SIGINT', () => controller.abort())

void runCommand(argv.slice(2), {
  // A getter, because the first access to process.stdin opens it.
  get stdin() {
    return process.stdin
  },
  stdout,
  stderr,
  stdoutIsTerminal: stdout.isTTY === true,
  stderrIsTerminal: stderr.isTTY === true,
  columns: stdout.columns || stderr.columns || 80,
  signal: controller.signal,
  clock: selectBackend('auto').clock,
}).then((status) => {
  process.exitCode = status
})
