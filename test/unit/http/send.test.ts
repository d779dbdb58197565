import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { sendAnswer } from '../../../src/http/send.ts'

it('closes a stream that HEAD does not read', async () => {
  let closed = 0
  const body = async function* () {
    try {
      yield Buffer.from('a')
      yield Buffer.from('b')
    } finally {
      closed++
    }
  }
  const sent: (Promise<void> | undefined)[] = []
  const server = createServer((request, response) => {
    sent.push(sendAnswer(request, response, { status: 200, headers: {}, body: body() }, false))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    expect(await (await fetch(url, { method: 'HEAD' })).text()).toBe('')
    expect(await (await fetch(url)).text()).toBe('ab')
    await Promise.all(sent)
    expect(closed).toBe(2)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

it('takes the place of headers that the app has set, and adds to its Vary', async () => {
  const server = createServer((_request, response) => {
    response.setHeader('X-Powered-By', 'an app')
    response.setHeader('vary', 'Origin')
    response.setHeader('content-type', 'text/html')
    const headers = { Vary: 'Accept', 'Content-Type': 'application/json' }
    void sendAnswer(_request, response, { status: 200, headers, body: Buffer.from('{}') }, false)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-powered-by': 'an app',
      vary: 'Accept, Origin',
      'content-type': 'application/json',
      'content-length': '2',
    })
    expect(await response.text()).toBe('{}')
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
