/** `npm run bench -- --stream`: memory of the service (without mapped files) while 100,000 rows stream, sampled twenty times a second. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { entity, setName } from './data.mjs'
import { memory, timed } from './load.mjs'
import { candidates } from './suites/payloads.mjs'

const rowCount = 100_000

/** @param bench how to start and stop servers, where their data is */
export async function streamMemory({ root, start, stop, databaseUri, isWanted, folder }) {
  for (const name of ['odatum/mongo', 'odatum/embedded'].filter(isWanted)) {
    const candidate = candidates[name]
    const own = `stream-${name.replace(/\W/g, '-')}`
    const store = candidate.store === 'mongo' ? ['--mongodb', databaseUri(own)] : ['--data', join(folder, own)]
    const began = performance.now()
    await load(root, store)
    console.log(`${name}: ${rowCount} rows imported in ${((performance.now() - began) / 1000).toFixed(0)} s`)
    const server = await start('stream', name, candidate)
    const url = `${server.url}/beta/${setName}`
    await timed(`${url}?$top=1000`)
    const before = memory(server.pid).own
    for (let round = 1; round <= 2; round++) {
      const samples = []
      const timer = setInterval(() => samples.push(memory(server.pid).own), 50)
      const answer = await timed(url, { headers: server.headers, kept: 0 })
      clearInterval(timer)
      console.log(
        `  ${round}: ${(answer.bytes / 1e6).toFixed(1)} MB in ${answer.total.toFixed(0)} ms, first byte after ${answer.first.toFixed(0)} ms; own memory before ${before.toFixed(0)} MiB, at the most ${Math.max(...samples).toFixed(0)} MiB meanwhile`,
      )
    }
    await stop(server)
  }
}

/** Stores the rows by `odatum import`: a create for each would be most of the run. */
async function load(root, store) {
  const child = spawn(
    process.execPath,
    [join(root, 'dist/cli/main.js'), 'import', 'metadata/microsoft.graph.xml', '-', '--set', setName, ...store],
    { cwd: root, stdio: ['pipe', 'ignore', 'inherit'] },
  )
  const ended = once(child, 'exit')
  for (let i = 0; i < rowCount; i++) {
    const line = `${JSON.stringify({ id: `payload-${String(i).padStart(6, '0')}`, ...entity(i) })}\n`
    if (!child.stdin.write(line)) await once(child.stdin, 'drain')
  }
  child.stdin.end()
  const [code] = await ended
  if (code !== 0) throw new Error(`odatum import ended with ${code}`)
}
