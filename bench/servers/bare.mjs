/** node:http alone with the bytes and headers of odatum's $metadata, made once: what no service on node:http can be faster than. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { writeXml } from '../../dist/csdl/write-xml.js'
import { readModel } from '../../dist/index.js'
import { publishCapabilities, supported } from '../../dist/service/publish-capabilities.js'

const [, port] = process.argv.slice(2)
const model = await readModel(new URL('../../metadata/microsoft.graph.xml', import.meta.url).pathname)
const capabilities = publishCapabilities(model, { ...supported, keyAsSegment: true, callbacks: [] })
const metadata = Buffer.from(writeXml(capabilities, { version: '4.0', inline: true }))
const headers = [
  ...['OData-Version', '4.0', 'Vary', 'OData-MaxVersion, Accept, Accept-Encoding, Authorization'],
  ...['ETag', '"0123456789abcdefghijklmnopq"', 'Content-Type', 'application/xml;charset=utf-8'],
  ...['Cache-Control', 'no-cache', 'Content-Length', String(metadata.length)],
]
createServer((_request, response) => {
  response.writeHead(200, ['request-id', randomUUID(), ...headers])
  response.end(metadata)
}).listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'))
