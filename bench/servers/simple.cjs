/** simple-odata-server with its MongoDB adapter (OData 4 JSON over a hand-given model), on driver 3.7.4. */
const path = require('node:path')
const http = require('node:http')
const peers = path.join(__dirname, '../peers/node_modules')
const ODataServer = require(path.join(peers, 'simple-odata-server'))
const Adapter = require(path.join(peers, 'simple-odata-server-mongodb'))
const { MongoClient } = require(path.join(peers, 'mongodb'))

const [uri, port] = process.argv.slice(2)
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
const properties = { _id: { type: 'Edm.String', key: true } }
for (const name of strings) properties[name] = { type: 'Edm.String' }
for (const name of ['payloadVersion', 'status']) properties[name] = { type: 'Edm.Int32' }
properties.isDeleted = { type: 'Edm.Boolean' }

MongoClient.connect(uri, { useUnifiedTopology: true, useNewUrlParser: true }).then((client) => {
  const server = ODataServer(`http://localhost:${port}/beta`)
    .model({
      namespace: 'graph',
      entityTypes: { onPremEncryptedPayload: properties },
      entitySets: { onPremEncryptedPayloads: { entityType: 'graph.onPremEncryptedPayload' } },
    })
    .adapter(Adapter((callback) => callback(null, client.db())))
  http
    .createServer((request, response) => {
      server.handle(request, response)
    })
    .listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'))
})
