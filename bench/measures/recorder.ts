import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import type { Recording } from '../messages.ts'

/** Records a CPU or heap profile with V8 while `run` runs, and writes it to a file. */
export async function recordProfile<T>(recording: Recording, run: () => Promise<T>): Promise<T> {
  const session = new Session()
  session.connect()
  try {
    if (recording.what === 'cpu') {
      await session.post('Profiler.enable')
      await session.post('Profiler.setSamplingInterval', { interval: recording.interval })
      await session.post('Profiler.start')
      const result = await run()
      const { profile } = await session.post('Profiler.stop')
      writeFileSync(recording.file, JSON.stringify(profile))
      return result
    }
    const includeCollected = recording.what === 'allocations'
    await session.post('HeapProfiler.startSampling', {
      samplingInterval: recording.interval,
      includeObjectsCollectedByMajorGC: includeCollected,
      includeObjectsCollectedByMinorGC: includeCollected,
    })
    const result = await run()
    const { profile } = await session.post('HeapProfiler.stopSampling')
    writeFileSync(recording.file, JSON.stringify(profile))
    return result
  } finally {
    session.disconnect()
  }
}
