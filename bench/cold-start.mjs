// How long `odatum serve` takes until it answers, and how much memory it holds after $metadata and some requests.
//   npm run bench:start -- [FILE]     default: ../shared/csdl/msgraph-v1.0.xml
// On a busy machine the wall clock says little: the CPU time of the process stands beside it.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const file = process.argv[2] ?? join(import.meta.dirname, '../../shared/csdl/msgraph-v1.0.xml')
const rounds = Number(process.env.ROUNDS ?? 5)
if (!existsSync(file)) {
  console.error(`${file} is not here: name a CSDL file`)
  process.exit(1)
}
const command = new URL('../dist/cli/main.js', import.meta.url).pathname

const get = (port, path, headers = {}) =>
  new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path, headers }, (response) => {
      let bytes = 0
      response.on('data', (chunk) => {
        bytes += chunk.length
      })
      response.on('end', () => resolve({ status: response.statusCode, bytes }))
    })
      .on('error', reject)
      .end()
  })

const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })

/** Resident memory now and at most, in MB; Linux only. */
function memory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const megabytes = (name) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024)
  return { now: megabytes('VmRSS'), most: megabytes('VmHWM') }
}

/** CPU time of a process so far, all threads, in ms. */
function cpu(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

async function answered(port, path) {
  for (;;) {
    try {
      return await get(port, path)
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

async function round() {
  const data = mkdtempSync(join(tmpdir(), 'odatum-start-'))
  const port = await freePort()
  const started = performance.now()
  const options = ['--data', data, '--port', String(port), '--graph', '--auth', 'none', '--log-level', 'silent']
  const child = spawn(process.execPath, [command, 'serve', file, ...options], { stdio: 'ignore' })
  const first = await answered(port, '/')
  const wall = performance.now() - started
  const start = { wall, cpu: cpu(child.pid), ...memory(child.pid) }
  const times = {}
  for (const [name, path, headers] of [
    ['$metadata', '/$metadata', {}],
    ['$metadata again', '/$metadata', {}],
    ['$metadata gzip', '/$metadata', { 'Accept-Encoding': 'gzip' }],
    ['$metadata br', '/$metadata', { 'Accept-Encoding': 'br' }],
    ['$metadata JSON', '/$metadata?$format=json', {}],
  ]) {
    const before = performance.now()
    const { status, bytes } = await get(port, path, headers)
    times[name] = `${(performance.now() - before).toFixed(0)} ms, ${bytes} bytes${status === 200 ? '' : `, ${status}`}`
  }
  for (let i = 0; i < 200; i++) await get(port, i % 2 === 0 ? '/' : '/users?$top=5&$select=id')
  const end = memory(child.pid)
  child.kill()
  await new Promise((resolve) => child.once('exit', resolve))
  rmSync(data, { recursive: true, force: true })
  if (first.status !== 200) throw new Error(`the service document answered ${first.status}`)
  return { start, times, end }
}

const all = []
for (let i = 0; i < rounds; i++) all.push(await round())
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]
console.log(`${file}, median of ${rounds}`)
console.log(`  until it answers      ${median(all.map(({ start }) => start.wall)).toFixed(0)} ms (target: 1000)`)
console.log(`  CPU time until then   ${median(all.map(({ start }) => start.cpu)).toFixed(0)} ms`)
console.log(`  memory at that time   ${median(all.map(({ start }) => start.now))} MB`)
console.log(
  `  memory after requests ${median(all.map(({ end }) => end.now))} MB (target: 250), at most ${median(all.map(({ end }) => end.most))} MB`,
)
for (const [name, text] of Object.entries(all.at(-1).times)) console.log(`  ${name.padEnd(21)} ${text}`)
