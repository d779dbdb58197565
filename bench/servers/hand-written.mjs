/**
 * What a team writes by hand today: an Express 5 app on the official driver, this one entity type, these operations, no
 * query language. Same durability (w: majority, j: true), same JSON members.
 */

import { randomUUID } from 'node:crypto'
import express from 'express'
import { MongoClient } from 'mongodb'
import { writeXml } from '../../dist/csdl/write-xml.js'
import { readModel } from '../../dist/index.js'
import { publishCapabilities, supported } from '../../dist/service/publish-capabilities.js'

const [uri, port] = process.argv.slice(2)
const client = await MongoClient.connect(uri, {
  writeConcern: { w: 'majority', journal: true },
  readConcern: { level: 'majority' },
})
const payloads = client.db().collection('handWritten')
// odatum's CSDL document asks for the same
await payloads.createIndex({ createdTime: -1, _id: 1 })
const root = `http://localhost:${port}/beta`
// the document that odatum serves, to the byte: a shorter one would be less work
const model = await readModel(new URL('../../metadata/microsoft.graph.xml', import.meta.url).pathname)
const capabilities = publishCapabilities(model, { ...supported, keyAsSegment: true, callbacks: [] })
const metadata = writeXml(capabilities, { version: '4.0', inline: true })
const app = express()
app.disable('x-powered-by')
app.use(express.json({ limit: '1mb' }))

const members = [
  'tenantId',
  'userId',
  'deviceId',
  'payloadId',
  'deviceKeyThumbprint',
  'cert1PayloadUUID',
  'cert2PayloadUUID',
  'cert3PayloadUUID',
  'plistTemplate',
  'encryptedBlob',
  'payloadVersion',
  'status',
  'createdTime',
  'lastModifiedTime',
  'eTag',
  'isDeleted',
]
const toEntity = (document) => {
  const entity = { '@odata.type': '#microsoft.graph.onPremEncryptedPayload', id: document._id }
  for (const name of members) entity[name] = document[name]
  return entity
}
const collection = (response, documents, more = {}) => {
  response.set('OData-Version', '4.0')
  response.json({
    '@odata.context': `${root}/$metadata#onPremEncryptedPayloads`,
    ...more,
    value: documents.map(toEntity),
  })
}

app.post('/beta/onPremEncryptedPayloads', async (request, response) => {
  const document = { _id: randomUUID() }
  for (const name of members) {
    if (request.body[name] === undefined)
      return response.status(400).json({ error: { code: 'badRequest', message: name } })
    document[name] = request.body[name]
  }
  await payloads.insertOne(document)
  response.set('OData-Version', '4.0').location(`${root}/onPremEncryptedPayloads('${document._id}')`)
  response
    .status(201)
    .json({ '@odata.context': `${root}/$metadata#onPremEncryptedPayloads/$entity`, ...toEntity(document) })
})
app.get('/beta/onPremEncryptedPayloads', async (request, response) => {
  const { status, version, top, skip = 0, orderby, all } = request.query
  if (all) return collection(response, await payloads.find().toArray())
  if (orderby) {
    const [documents, count] = await Promise.all([
      payloads.find().sort({ createdTime: -1, _id: 1 }).skip(Number(skip)).limit(Number(top)).toArray(),
      payloads.countDocuments(),
    ])
    return collection(response, documents, { '@odata.count': count })
  }
  const filter = { status: Number(status), payloadVersion: { $gt: Number(version) } }
  collection(response, await payloads.find(filter).sort({ _id: 1 }).limit(Number(top)).toArray())
})
app.get('/beta/onPremEncryptedPayloads/:id', async (request, response) => {
  const document = await payloads.findOne({ _id: request.params.id })
  if (!document) return response.status(404).json({ error: { code: 'itemNotFound', message: 'not found' } })
  response.set('OData-Version', '4.0')
  response.json({ '@odata.context': `${root}/$metadata#onPremEncryptedPayloads/$entity`, ...toEntity(document) })
})
app.get('/beta/\\$metadata', (_request, response) => {
  response.set('OData-Version', '4.0').type('application/xml').send(metadata)
})
app.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'))
