import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  commandFile,
  commandMissing,
  dataFolder,
  type RunningCommand,
  type ServingCommand,
  serveCommand,
  startCommand,
} from '../support/command.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { payload, seedRequest } from '../support/payloads.ts'

const run = promisify(execFile)
const set = '/onPremEncryptedPayloads'
const model = 'metadata/microsoft.graph.xml'
const scope = 'DeviceManagementConfiguration.ReadWrite.All'
const { uri, reason } = mongodb()

const json = { 'Content-Type': 'application/json' }
const post = (root: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(root + set, { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify(body) })

/** Waits until a new connection is refused. */
async function refused(url: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const taken = await new Promise<boolean>((resolve) => {
      get(url, { agent: false }, (response) => resolve(response.resume().statusCode === 200)).on('error', () =>
        resolve(false),
      )
    })
    if (!taken) return
    await delay(50)
  }
  throw new Error('new requests are taken all the time')
}

async function takenPort(): Promise<{ port: number; close: () => void }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

async function unusedPort(): Promise<{ port: number }> {
  const { port, close } = await takenPort()
  close()
  return { port }
}

/** What the log says of requests: one object a line, the banner left out. */
const logLines = (command: RunningCommand): Record<string, unknown>[] =>
  command.out
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe.skipIf(commandMissing !== '')(`odatum${commandMissing && `: ${commandMissing}`}`, () => {
  const started: RunningCommand[] = []
  let data: ReturnType<typeof dataFolder>
  beforeAll(() => {
    data = dataFolder()
  })
  afterEach(async () => {
    for (const command of started.splice(0)) {
      command.process.kill('SIGKILL')
      await command.ended
    }
  })
  afterAll(() => data.remove())

  const serve = async (...args: readonly string[]): Promise<ServingCommand> => {
    const command = await serveCommand([model, '--graph', '--base-path', '/beta', '--data', data.path, ...args])
    started.push(command)
    return command
  }
  const command = (...args: readonly string[]): RunningCommand => {
    const one = startCommand(args)
    started.push(one)
    return one
  }

  describe('serve', () => {
    it('says where it serves, from what, and prints a curl line that works', async () => {
      const serving = await serve()
      expect(serving.root).toMatch(/^http:\/\/localhost:[1-9]\d*\/beta$/)
      expect(serving.out).toContain(`serves ${model}`)
      expect(serving.out).toContain(`embedded, in ${data.path}`)
      expect(serving.out).toContain('local development key')
      await post(serving.root, seedRequest, { Authorization: `Bearer ${await token('--all', model)}` })
      const line = /^ {2}try {6}(curl .*)$/m.exec(serving.out)?.[1] ?? ''
      expect(line).toContain(`${serving.root}${set}`)
      // `npx odatum` is this very command in a clone; the token it signs comes from the data folder the line names
      const here = line.replace('npx odatum', `${process.execPath} ${commandFile}`).replace('curl ', 'curl -s ')
      const { stdout } = await run('bash', ['-c', here])
      expect(JSON.parse(stdout)).toMatchObject({ value: [seedRequest] })
    })

    it('is protected: no token, no data; $metadata and the service document are open', async () => {
      const serving = await serve()
      expect((await fetch(serving.root + set)).status).toBe(401)
      expect((await fetch(`${serving.root}/$metadata`)).status).toBe(200)
      expect((await fetch(serving.root)).status).toBe(200)
    })

    it('answers /healthz and /readyz beside the service', async () => {
      const serving = await serve()
      const origin = new URL(serving.root).origin
      for (const [path, text] of [
        ['/healthz', 'ok'],
        ['/readyz', 'ready'],
      ])
        expect(await (await fetch(origin + path)).text()).toBe(text)
      expect((await fetch(`${origin}/elsewhere`)).status).toBe(404)
    })

    it('answers what is no HTTP with an OData error', async () => {
      const serving = await serve()
      const { hostname, port } = new URL(serving.root)
      const send = (text: string): Promise<string> =>
        new Promise((resolve, reject) => {
          let answer = ''
          const socket = connect(Number(port), hostname, () => socket.end(text, 'latin1'))
          socket.on('data', (chunk) => {
            answer += chunk
          })
          socket.on('close', () => resolve(answer))
          socket.on('error', reject)
        })
      for (const [text, status] of [
        ['GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
        ['nonsense\r\n\r\n', 400],
        [`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`, 431],
      ] as const) {
        const answer = await send(text)
        expect(answer).toContain(`HTTP/1.1 ${status} `)
        expect(answer).toContain('OData-Version: 4.0\r\n')
        expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toHaveProperty(['error', 'message'])
      }
    })

    it('names the port that is in use', async () => {
      const { port, close } = await takenPort()
      const failing = command('serve', model, '--data', data.path, '--port', String(port))
      expect(await failing.ended).toBe(1)
      expect(failing.error).toBe(`odatum: port ${port} is in use: choose another with --port\n`)
      close()
    })

    it('names file, line and column of a fault in the CSDL', async () => {
      const file = join(data.path, 'bad.xml')
      const text = `<?xml version="1.0"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
  <edmx:DataServices>
    <Schema Namespace="a.b" xmlns="http://docs.oasis-open.org/odata/ns/edm">
      <EntityType Name="T">
        <Key><PropertyRef Name="id" /></Key>
        <Property Name="id" Type="Edm.Strong" Nullable="false" />
      </EntityType>
      <EntityContainer Name="C"><EntitySet Name="Ts" EntityType="a.b.T" /></EntityContainer>
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>`
      writeFileSync(file, text)
      const failing = command('serve', file, '--data', data.path, '--port', '0')
      expect(await failing.ended).toBe(1)
      expect(failing.error).toMatch(new RegExp(`${file}:7:\\d+: .*Edm\\.Strong`))
      expect(failing.error).not.toContain('    at ')
      writeFileSync(file, text.replace('</Schema>', '</Schem>'))
      const broken = command('serve', file, '--data', data.path, '--port', '0')
      expect(await broken.ended).toBe(1)
      expect(broken.error).toMatch(new RegExp(`${file}:10:\\d+: `))
      const missing = command('serve', join(data.path, 'none.xml'))
      expect(await missing.ended).toBe(1)
      expect(missing.error).toContain('none.xml')
      expect(missing.error).not.toContain('    at ')
    })

    it('says within seconds that MongoDB cannot be reached, without the password', async () => {
      const begun = Date.now()
      const failing = command(
        'serve',
        model,
        '--data',
        data.path,
        '--port',
        '0',
        '--mongodb',
        'mongodb://me:hush@127.0.0.1:1/x',
      )
      expect(await failing.ended).toBe(1)
      expect(Date.now() - begun).toBeLessThan(20_000)
      expect(failing.error).toMatch(/MongoDB|database/i)
      expect(failing.error).toContain('127.0.0.1:1')
      expect(failing.error + failing.out).not.toContain('hush')
      expect(failing.error).not.toContain('    at ')
    })

    it.each([
      [['--public-url', 'https://api.example/beta'], /local development key is no sign-in for a public URL/],
      [['--public-url', 'https://api.example/beta', '--auth', 'local'], /local development key/],
      [['--auth', 'bearer'], /--issuer/],
      [['--log-level', 'loud'], /silent, fatal/],
      [['--port', '99999'], /--port takes a whole number/],
      [['--nonsense'], /nonsense/],
      [['--default-version', '3.0'], /4\.0 or 4\.01/],
      [['second.xml'], /one CSDL file/],
    ])('refuses %j', async (args, words) => {
      const failing = command('serve', model, '--data', data.path, ...args)
      expect(await failing.ended).toBe(1)
      expect(failing.error).toMatch(words)
      expect(failing.error).not.toContain('    at ')
    })

    it('makes links from the public URL', async () => {
      const { port } = await unusedPort()
      const open = ['--public-url', 'https://api.example/beta', '--auth', 'none', '--host', '127.0.0.1']
      const serving = command('serve', model, '--data', data.path, ...open, '--port', String(port))
      await serving.shows(/service {2}https:\/\/api\.example\/beta$/m)
      const answer = await post(`http://127.0.0.1:${port}/beta`, seedRequest)
      expect(answer.headers.get('Location')).toMatch(/^https:\/\/api\.example\/beta\/onPremEncryptedPayloads\('/)
    })
  })

  describe('logs', () => {
    it('writes one line of JSON a request, never a token, a query or a payload', async () => {
      const serving = await serve()
      const secret = 'PAYLOAD-THAT-NOBODY-MAY-LOG'
      const bearer = await token('--scope', scope)
      const authorization = { Authorization: `Bearer ${bearer}` }
      const created = await post(serving.root, payload({ plistTemplate: secret }), authorization)
      expect(created.status).toBe(201)
      await fetch(`${serving.root}${set}?$filter=plistTemplate eq '${secret}'`, { headers: authorization })
      await fetch(`${serving.root}${set}?$filter=nonsense eq '${secret}'`, { headers: authorization })
      await post(serving.root, `{"status": "${secret}`, authorization)
      await fetch(serving.root + set, { headers: { Authorization: `Bearer ${bearer}x` } })
      await serving.until(() => logLines(serving).length >= 5, 'five lines')
      const lines = logLines(serving).filter(({ msg }) => msg === 'request')
      expect(lines.map(({ method, path, status }) => [method, path, status])).toEqual([
        ['POST', `/beta${set}`, 201],
        ['GET', `/beta${set}`, 200],
        ['GET', `/beta${set}`, 400],
        ['POST', `/beta${set}`, 400],
        ['GET', `/beta${set}`, 401],
      ])
      expect(lines[0]?.requestId).toBe(created.headers.get('request-id'))
      expect(lines.every(({ ms }) => typeof ms === 'number')).toBe(true)
      for (const text of [secret, bearer.slice(0, 40), bearer.slice(-20)])
        expect(serving.out + serving.error).not.toContain(text)
      // all that is not the banner is JSON
      expect(
        serving.out.split('\n').filter((line) => line !== '' && !/^(?:\{.*\}|odatum .*| {2}\w.*)$/.test(line)),
      ).toEqual([])
    })
  })

  const token = async (...args: readonly string[]): Promise<string> => {
    const signing = command('token', '--data', data.path, ...args)
    expect(await signing.ended, signing.error).toBe(0)
    return signing.out.trim()
  }

  describe('token', () => {
    it('signs what it is asked, and the service believes it', async () => {
      const serving = await serve()
      const write = await token('--scope', scope)
      expect(decodeJwt(write)).toMatchObject({ scp: scope, iss: 'odatum:local', sub: 'developer' })
      expect((await post(serving.root, seedRequest, { Authorization: `Bearer ${write}` })).status).toBe(201)
      const read = await token(
        '--role',
        'DeviceManagementConfiguration.Read.All',
        '--subject',
        'robot',
        '--lifetime',
        '60',
      )
      expect(decodeJwt(read)).toMatchObject({ roles: ['DeviceManagementConfiguration.Read.All'], sub: 'robot' })
      expect((await fetch(serving.root + set, { headers: { Authorization: `Bearer ${read}` } })).status).toBe(200)
      expect((await post(serving.root, seedRequest, { Authorization: `Bearer ${read}` })).status).toBe(403)
      const all = decodeJwt(await token('--all', model))
      expect(String(all.scp).split(' ').sort()).toEqual([
        'DeviceManagementConfiguration.Read.All',
        'DeviceManagementConfiguration.ReadWrite.All',
      ])
    })

    it('refuses what makes no sense', async () => {
      for (const args of [['--scope', 'a', '--role', 'b'], ['--scope', 'a b'], ['--lifetime', 'x'], ['extra']]) {
        const failing = command('token', '--data', data.path, ...args)
        expect(await failing.ended, args.join(' ')).toBe(1)
        expect(failing.error).toMatch(/^odatum: /)
      }
    })
  })

  it('lists its commands, and knows no others', async () => {
    const help = command('help')
    expect(await help.ended).toBe(0)
    for (const word of ['odatum serve', 'odatum token', 'odatum validate', '--public-url'])
      expect(help.out).toContain(word)
    const unknown = command('frobnicate')
    expect(await unknown.ended).toBe(1)
    expect(unknown.error).toContain("no command 'frobnicate'")
  })

  it('validates CSDL files', async () => {
    const good = command('validate', model, 'examples/bookshop.xml')
    expect(await good.ended, good.error).toBe(0)
  })

  const stores = [
    ['embedded', () => ['--data', dataFolder().path], false],
    [
      uri === undefined ? `mongodb: ${reason}` : 'mongodb',
      () => ['--mongodb', freshDatabase(uri ?? '')],
      uri === undefined,
    ],
  ] as const

  for (const [name, args, skip] of stores)
    describe.skipIf(skip)(`stopping and workers (${name})`, () => {
      const open = ['--auth', 'none', '--page-size', '0', '--max-page-size', '0']

      it('finishes a running answer on SIGTERM, takes no new request, exits with 0', async () => {
        const serving = await serve(...open, ...args())
        const big = 'x'.repeat(100_000)
        const rows = 300
        for (let i = 0; i < rows; i += 10) {
          const created = await Promise.all(
            Array.from({ length: 10 }, () => post(serving.root, payload({ plistTemplate: big }))),
          )
          expect(created.map(({ status }) => status)).toEqual(Array(10).fill(201))
        }
        // 30 MB do not fit into the sockets' buffers: the answer runs until it is read
        const text = await new Promise<string>((resolve, reject) => {
          get(serving.root + set, (response) => {
            const chunks: Buffer[] = []
            response.once('data', () => {
              response.pause()
              serving.process.kill('SIGTERM')
              refused(serving.root).then(() => response.resume(), reject)
            })
            response.on('data', (chunk: Buffer) => chunks.push(chunk))
            response.on('error', reject)
            response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
          }).on('error', reject)
        })
        expect((JSON.parse(text) as { value: unknown[] }).value).toHaveLength(rows)
        expect(await serving.ended).toBe(0)
      })

      it('shares port and data between workers, and replaces one that dies', async () => {
        const serving = await serve(...open, '--workers', '2', ...args())
        const created = await Promise.all(
          Array.from({ length: 40 }, (_, i) => post(serving.root, payload({ status: i }))),
        )
        const ids: string[] = []
        for (const answer of created) {
          expect(answer.status).toBe(201)
          ids.push(((await answer.json()) as { id: string }).id)
        }
        const read = await Promise.all(ids.map((id) => fetch(`${serving.root}${set}/${id}`)))
        expect(read.map(({ status }) => status)).toEqual(Array(40).fill(200))
        for (const answer of read) await answer.text()
        const pids = (): unknown[] => [
          ...new Set(
            logLines(serving)
              .filter(({ msg }) => msg === 'request')
              .map(({ pid }) => pid),
          ),
        ]
        await serving.until(() => pids().length === 2, 'lines of both workers')
        const [first] = pids()
        expect(pids()).not.toContain(serving.process.pid)
        process.kill(Number(first), 'SIGKILL')
        await serving.until(() => logLines(serving).some(({ worker }) => worker === first), 'the end of a worker')
        for (let i = 0; i < 20; i++) {
          // a connection to the worker that died may break; the next one meets the living
          const answer = await fetch(`${serving.root}${set}/${ids[i]}`).catch(() =>
            fetch(`${serving.root}${set}/${ids[i]}`),
          )
          expect(answer.status).toBe(200)
          await answer.text()
        }
        expect(await serving.stop()).toBe(0)
      })

      it('keeps what it stored over a restart', async () => {
        const where = args()
        const first = await serve(...open, ...where)
        const { id } = (await (await post(first.root, seedRequest)).json()) as { id: string }
        expect(await first.stop()).toBe(0)
        const second = await serve(...open, ...where)
        expect(await (await fetch(`${second.root}${set}/${id}`)).json()).toMatchObject(seedRequest)
      })
    })
})
