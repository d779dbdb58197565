/**
 * The shop by hand: an Express 5 app on the official driver, for each operation the query or pipeline that a careful team would write.
 * Answers are those of odatum for shop.xml, so the work is the same; transactions where odatum has them; w: majority, j: true.
 */
import express from 'express'
import { MongoClient } from 'mongodb'
import { customers, orders } from '../shop-data.mjs'

const [uri, port] = process.argv.slice(2)
const client = await MongoClient.connect(uri, {
  writeConcern: { w: 'majority', journal: true },
  readConcern: { level: 'majority' },
})
const db = client.db()
const [byCustomer, byOrder] = [db.collection('customers'), db.collection('orders')]
await byOrder.createIndex({ customerId: 1 })
await byOrder.createIndex({ total: -1, _id: 1 })
const stored = ({ id, ...rest }) => ({ _id: id, ...rest, version: 1 })
await byCustomer.insertMany(customers().map(stored))
await byOrder.insertMany(orders().map(stored))

const root = `http://localhost:${port}/shop`
const entity = ({ _id, version, ...rest }) => ({ '@odata.etag': `W/"${version}"`, id: _id, ...rest })
const context = (fragment) => ({ '@odata.context': `${root}/$metadata#${fragment}` })
const app = express()
app.disable('x-powered-by')
app.use(express.json({ limit: '1mb' }))
app.use((_request, response, next) => {
  response.set('OData-Version', '4.0')
  next()
})

app.get('/shop/orders', async (request, response) => {
  const { status, over, skip = 0, top } = request.query
  const find = status === undefined ? {} : { status, total: { $gt: Number(over) } }
  const sort = status === undefined ? { total: -1, _id: 1 } : { _id: 1 }
  const found = await byOrder.find(find).sort(sort).skip(Number(skip)).limit(Number(top)).toArray()
  response.json({ ...context('orders'), value: found.map(entity) })
})
app.get('/shop/orders/by-status', async (request, response) => {
  const { over } = request.query
  const groups = await byOrder
    .aggregate([
      { $match: over === undefined ? {} : { total: { $gt: Number(over) } } },
      { $group: { _id: '$status', sum: { $sum: '$total' }, number: { $sum: 1 } } },
      { $project: { _id: 0, status: '$_id', sum: 1, number: 1 } },
    ])
    .toArray()
  response.json({
    ...context('orders(status,sum,number)'),
    value: groups.map(({ status, sum, number }) => ({ status, sum, number })),
  })
})
app.get('/shop/customers', async (request, response) => {
  const found = await byCustomer
    .find()
    .sort({ _id: 1 })
    .skip(Number(request.query.skip))
    .limit(Number(request.query.top))
    .toArray()
  const related = new Map(found.map(({ _id }) => [_id, []]))
  const all = byOrder.find({ customerId: { $in: [...related.keys()] } }).sort({ _id: 1 })
  for (const row of await all.toArray()) related.get(row.customerId).push(entity(row))
  response.json({
    ...context('customers(orders())'),
    value: found.map((row) => ({ ...entity(row), orders: related.get(row._id) })),
  })
})
app.get('/shop/customers/search', async (request, response) => {
  const word = new RegExp(`\\b${request.query.word}\\b`, 'i')
  const found = await byCustomer
    .find({ $or: [{ name: word }, { city: word }, { notes: word }] })
    .sort({ _id: 1 })
    .limit(20)
    .toArray()
  response.json({ ...context('customers'), value: found.map(entity) })
})
app.post('/shop/customers', async (request, response) => {
  const { orders: own, ...rest } = request.body
  const documents = own.map((row) => stored({ ...row, customerId: rest.id }))
  await client.withSession((session) =>
    session.withTransaction(async () => {
      await byCustomer.insertOne(stored(rest), { session })
      await byOrder.insertMany(documents, { session })
    }),
  )
  response
    .status(201)
    .location(`${root}/customers(${rest.id})`)
    .json({ ...context('customers(orders())/$entity'), ...entity(stored(rest)), orders: documents.map(entity) })
})
app.patch('/shop/orders/:id', async (request, response) => {
  const version = Number(/^W\/"(\d+)"$/.exec(request.get('if-match') ?? '')?.[1])
  const found = await byOrder.findOneAndUpdate(
    { _id: Number(request.params.id), version },
    { $set: { total: request.body.total, comment: request.body.comment }, $inc: { version: 1 } },
    { returnDocument: 'after' },
  )
  if (found === null) return response.status(412).json({ error: { code: 'preconditionFailed', message: 'changed' } })
  response.set('ETag', `W/"${found.version}"`).json({ ...context('orders/$entity'), ...entity(found) })
})
/** What a batch is by hand: a route of its own for each kind. */
app.post('/shop/orders/many', async (request, response) => {
  const documents = request.body.map(stored)
  await client.withSession((session) =>
    session.withTransaction(() => byOrder.insertMany(documents, { session }).then(() => {})),
  )
  response.json({
    responses: documents.map((row, i) => ({
      id: String(i),
      status: 201,
      body: { ...context('orders/$entity'), ...entity(row) },
    })),
  })
})
app.post('/shop/orders/read', async (request, response) => {
  const found = await byOrder.find({ _id: { $in: request.body } }).toArray()
  const rows = new Map(found.map((row) => [row._id, row]))
  response.json({
    responses: request.body.map((id, i) => ({
      id: String(i),
      status: 200,
      body: { ...context('orders/$entity'), ...entity(rows.get(id)) },
    })),
  })
})
app.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'))
