import { spawn } from 'node:child_process'

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program with Node to its end, or until `timeout` ms have passed. */
export function runNode(
  file: string,
  args: readonly string[] = [],
  cwd = '.',
  timeout?: number,
): Promise<Outcome> {
  const env = { ...process.env, NODE_OPTIONS: '', FORCE_COLOR: undefined }
  const child = spawn(process.execPath, [file, ...args], { cwd, env, timeout })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}
