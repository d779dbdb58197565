import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { bearerAuthentication } from '../../../src/auth/bearer.ts'
import { localKey, localKeyOptions, signLocalToken } from '../../../src/auth/local-key.ts'

const folders: string[] = []
const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'odatum-key-'))
  folders.push(path)
  return path
}
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true })
})

describe('the local development key', () => {
  it('is made once, for its owner only, whoever comes first', async () => {
    const path = join(folder(), 'deeper')
    const keys = await Promise.all(Array.from({ length: 8 }, () => localKey(path)))
    expect(new Set(keys.map(({ d }) => d)).size).toBe(1)
    expect(statSync(join(path, 'local-development-key.json')).mode & 0o777).toBe(0o600)
    expect(await localKey(path)).toEqual(keys[0])
    expect((await localKey(folder())).d).not.toBe(keys[0]?.d)
  })

  it('gives only its public half to the check', async () => {
    const { jwks } = localKeyOptions(await localKey(folder()))
    expect(JSON.stringify(jwks)).not.toContain('"d"')
  })

  it('signs tokens that count over loopback only', async () => {
    const key = await localKey(folder())
    const authenticate = await bearerAuthentication(localKeyOptions(key))
    const token = await signLocalToken(key, { scopes: ['A', 'B'], roles: [], subject: 'me', lifetime: 60 })
    const authorization = `Bearer ${token}`
    expect(await authenticate({ authorization, loopback: true })).toMatchObject({
      subject: 'me',
      scheme: 'Delegated',
      scopes: new Set(['A', 'B']),
    })
    expect(() => authenticate({ authorization, loopback: false })).toThrow('loopback')
    expect(authenticate({ authorization: undefined, loopback: false })).toBeUndefined()
    const robot = await signLocalToken(key, { scopes: [], roles: ['R'], subject: 'robot', lifetime: 60 })
    expect(await authenticate({ authorization: `Bearer ${robot}`, loopback: true })).toMatchObject({
      scheme: 'Application',
    })
  })

  it('says what to do where its file is broken', async () => {
    const path = folder()
    writeFileSync(join(path, 'local-development-key.json'), '')
    await expect(localKey(path)).rejects.toThrow('remove the file')
    expect(readFileSync(join(path, 'local-development-key.json'), 'utf8')).toBe('')
  })
})
