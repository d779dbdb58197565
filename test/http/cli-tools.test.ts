import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commandFile, commandMissing, dataFolder, serveCommand, startCommand } from '../support/command.ts'
import { bookshopModel } from '../support/running-service.ts'

/** The tools as processes of their own: pipes, exit codes, and what the running service gives. */
describe.skipIf(commandMissing !== '')(`odatum${commandMissing && `: ${commandMissing}`}`, () => {
  let data: ReturnType<typeof dataFolder>
  beforeAll(() => {
    data = dataFolder()
  })
  afterAll(() => data.remove())

  const piped = (command: string): Promise<{ code: number | null; out: string; error: string }> =>
    new Promise((resolve) => {
      const odatum = `${process.execPath} ${commandFile}`
      const child = spawn('bash', ['-c', `set -o pipefail; ${command.replaceAll('odatum ', `${odatum} `)}`])
      let out = ''
      let error = ''
      child.stdout.on('data', (chunk) => {
        out += chunk
      })
      child.stderr.on('data', (chunk) => {
        error += chunk
      })
      child.on('close', (code) => resolve({ code, out, error }))
    })

  it('pipes an export into an import, and ends when nobody reads on', async () => {
    const lines = Array.from({ length: 5_000 }, (_, i) => `{"@context":"#Authors/$entity","ID":${i},"Name":"N${i}"}`)
    const file = join(data.path, 'authors.ndjson')
    writeFileSync(file, lines.join('\n'))
    const [first, second] = [join(data.path, 'first'), join(data.path, 'second')]
    const loaded = await piped(`odatum import ${bookshopModel} ${file} --data ${first}`)
    expect(loaded).toMatchObject({ code: 0, error: expect.stringMatching(/^5,000 entities imported/) })
    const copied = await piped(
      `odatum export ${bookshopModel} --data ${first} | odatum import ${bookshopModel} - --data ${second}`,
    )
    expect(copied).toMatchObject({ code: 0, error: expect.stringContaining('5,000 entities imported') })
    const head = await piped(`odatum export ${bookshopModel} --data ${second} | head -n 1`)
    expect(head).toMatchObject({ code: 0, out: expect.stringContaining('"ID":0,"Name":"N0"') })
    const checked = await piped(`odatum validate ${bookshopModel} --data ${second}`)
    expect(checked).toMatchObject({ code: 0, error: expect.stringContaining('5,000 entities checked') })
  }, 60_000)

  it('writes types to a file', async () => {
    const out = join(data.path, 'bookshop.ts')
    const command = startCommand(['types', bookshopModel, '--out', out])
    expect(await command.ended).toBe(0)
    expect(command.out).toBe('')
    expect(readFileSync(out, 'utf8')).toContain('export type BookshopControllers = {')
  })

  it('serves /openapi.json, and describes a running service by its URL', async () => {
    const serving = await serveCommand([bookshopModel, '--base-path', '/shop', '--data', join(data.path, 'served')])
    try {
      const response = await fetch(new URL('/openapi.json', serving.root))
      expect([response.status, response.headers.get('Content-Type')]).toEqual([200, 'application/json; charset=utf-8'])
      const document = (await response.json()) as { servers: unknown; paths: object }
      expect(document.servers).toEqual([{ url: serving.root }])
      const command = startCommand(['openapi', serving.root])
      expect(await command.ended).toBe(0)
      expect(JSON.parse(command.out)).toEqual(document)
    } finally {
      serving.process.kill('SIGKILL')
      await serving.ended
    }
  })
})
