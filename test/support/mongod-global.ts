import type { TestProject } from 'vitest/node'
import { findMongod, type RunningMongod, startMongod } from '../../scripts/mongod.mjs'
import type { MongodbForTests } from './mongod.ts'

// Of modules from Vitest's cache the module runner has the code as bytes, and fails where it looks for their source maps: while an error is being made, be it one
// that the driver expects.
const prepare = Error.prepareStackTrace
if (prepare)
  Error.prepareStackTrace = (error, trace) => {
    try {
      return prepare(error, trace)
    } catch {
      return `${error}\n    at ${trace.join('\n    at ')}`
    }
  }

/**
 * Global set-up of the projects that need MongoDB: one server for the whole run, however many projects take part. Each
 * project loads this file anew, so what they share hangs on `globalThis`.
 */
interface Shared {
  users: number
  server: Promise<{ answer: MongodbForTests; running: RunningMongod | undefined }>
}

const slot = Symbol.for('odatum.test.mongod')
const holder = globalThis as { [slot]?: Shared }

async function start(): Promise<{ answer: MongodbForTests; running: RunningMongod | undefined }> {
  const found = await findMongod()
  if (found.kind === 'uri') return { answer: { uri: found.uri, reason: '' }, running: undefined }
  if (found.kind === 'missing') {
    const reason = `no mongod: ${found.reasons.join('; ')}`
    if (process.env.CI === 'true') throw new Error(reason)
    process.stderr.write(`Tests that need MongoDB are skipped, ${reason}\n`)
    return { answer: { uri: undefined, reason }, running: undefined }
  }
  const running = await startMongod(found.path)
  return { answer: { uri: running.uri, reason: '' }, running }
}

export async function setup(project: TestProject): Promise<void> {
  holder[slot] ??= { users: 0, server: start() }
  const shared = holder[slot]
  shared.users += 1
  project.provide('mongodb', (await shared.server).answer)
}

export async function teardown(): Promise<void> {
  const shared = holder[slot]
  if (!shared) return
  shared.users -= 1
  if (shared.users > 0) return
  delete holder[slot]
  await (await shared.server).running?.stop()
}
