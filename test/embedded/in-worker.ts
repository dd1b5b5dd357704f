// Runs the checks in a worker thread.
import { Worker } from 'node:worker_threads'

new Worker(new URL('./program.js', import.meta.url), { argv: process.argv.slice(2) })
