import { describe, expect, it } from 'vitest'
import { commandMissing, dataFolder, serveCommand } from '../support/command.ts'

/** The embedded store where the disk is full: files may not grow beyond 6 MB (`ulimit -f`). */

const skip = commandMissing || (process.platform === 'win32' ? 'no ulimit' : '')

describe.skipIf(skip !== '')(`a full disk${skip && `: ${skip}`}`, () => {
  it('is a 503 that says that nothing was written; reads go on, and nothing acknowledged is lost', async () => {
    const data = dataFolder()
    const args = ['examples/bookshop.xml', '--base-path', '/beta', '--auth', 'none', '--log-level', 'silent']
    const limited = { under: ['bash', '-c', 'ulimit -f 6144; exec "$@"', 'bash'], group: true }
    let serving = await serveCommand([...args, '--data', data.path], {}, limited)
    const send = (method: string, path: string, body?: object): Promise<Response> =>
      fetch(serving.root + path, {
        method,
        headers: { 'Content-Type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
    const acknowledged = new Set<string>()
    const refused = new Set<string>()
    let next = 0
    const create = async (): Promise<number> => {
      const Title = `book ${next++}`
      const answer = await send('POST', '/Books', {
        Title,
        Price: 1,
        Tags: Array.from({ length: 200 }, () => 'x'.repeat(40)),
      })
      await answer.text()
      if (answer.status === 201) acknowledged.add(Title)
      else {
        expect(answer.status).toBe(503)
        expect(answer.headers.get('Retry-After')).not.toBeNull()
        refused.add(Title)
      }
      return answer.status
    }
    while (refused.size < 5) await Promise.all(Array.from({ length: 20 }, create))
    expect((await send('GET', '/Books?$top=1')).status).toBe(200)
    expect((await send('GET', '/Books/$count')).status).toBe(200)
    const stored = async (): Promise<readonly string[]> => {
      const titles: string[] = []
      for (let url: string | undefined = `${serving.root}/Books?$select=Title`; url !== undefined; ) {
        const page = (await (await fetch(url)).json()) as { value: { Title: string }[]; '@odata.nextLink'?: string }
        titles.push(...page.value.map(({ Title }) => Title))
        url = page['@odata.nextLink']
      }
      return titles.sort()
    }
    expect(await stored()).toEqual([...acknowledged].sort())
    await serving.stop()
    serving = await serveCommand([...args, '--data', data.path])
    expect(await stored()).toEqual([...acknowledged].sort())
    expect(await create()).toBe(201)
    process.stdout.write(
      `full disk: ${next} creates, ${acknowledged.size} acknowledged, ${refused.size} refused, lost: 0\n`,
    )
    await serving.stop()
    data.remove()
  })
})
