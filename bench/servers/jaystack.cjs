/** odata-v4-server + odata-v4-mongodb (both unmaintained since 2018), on driver 3.7.4. */
const path = require('node:path')
const peers = path.join(__dirname, '../peers/node_modules')
const { ODataServer, ODataController, odata, Edm } = require(path.join(peers, 'odata-v4-server'))
const { createQuery } = require(path.join(peers, 'odata-v4-mongodb'))
const { MongoClient } = require(path.join(peers, 'mongodb'))
const { randomUUID } = require('node:crypto')

const [uri, port] = process.argv.slice(2)
let payloads

class OnPremEncryptedPayload {}
const strings = [
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
  'createdTime',
  'lastModifiedTime',
  'eTag',
]
Edm.Key(OnPremEncryptedPayload.prototype, '_id')
Edm.String(OnPremEncryptedPayload.prototype, '_id')
for (const name of strings) Edm.String(OnPremEncryptedPayload.prototype, name)
for (const name of ['payloadVersion', 'status']) Edm.Int32(OnPremEncryptedPayload.prototype, name)
Edm.Boolean(OnPremEncryptedPayload.prototype, 'isDeleted')

class OnPremEncryptedPayloadsController extends ODataController {
  async find(query) {
    const { query: filter, projection, sort, skip, limit, inlinecount } = createQuery(query)
    const find = payloads
      .find(filter)
      .project(projection)
      .sort(sort)
      .skip(skip || 0)
    const rows = await (limit ? find.limit(limit) : find).toArray()
    if (inlinecount) rows.inlinecount = await payloads.countDocuments(filter)
    return rows
  }
  findOne(key) {
    return payloads.findOne({ _id: key })
  }
  async insert(body) {
    const document = { ...body, _id: randomUUID() }
    await payloads.insertOne(document, { w: 'majority', j: true })
    return document
  }
}
const proto = OnPremEncryptedPayloadsController.prototype
const describe = (name) => Object.getOwnPropertyDescriptor(proto, name)
odata.GET(proto, 'find', describe('find'))
odata.query(proto, 'find', 0)
odata.GET(proto, 'findOne', describe('findOne'))
odata.key(proto, 'findOne', 0)
odata.POST(proto, 'insert', describe('insert'))
odata.body(proto, 'insert', 0)
odata.type(OnPremEncryptedPayload)(OnPremEncryptedPayloadsController)

class Server extends ODataServer {}
odata.controller(OnPremEncryptedPayloadsController, 'onPremEncryptedPayloads')(Server)

MongoClient.connect(uri, { useUnifiedTopology: true, useNewUrlParser: true }).then((client) => {
  payloads = client.db().collection('jaystack')
  Server.create('/beta', Number(port), '127.0.0.1')
  setTimeout(() => process.stdout.write('listening\n'), 500)
})
