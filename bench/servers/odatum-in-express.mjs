/** odatum mounted in somebody's Express app. */
import express from 'express'
import { createService, mongoStore, readModel } from '../../dist/index.js'

const [uri, port] = process.argv.slice(2)
const service = await createService({
  model: await readModel(new URL('../../metadata/microsoft.graph.xml', import.meta.url).pathname),
  store: mongoStore(uri),
  root: `http://localhost:${port}/beta`,
  protocol: { graph: true },
  limits: { maxPageSize: Number.POSITIVE_INFINITY },
  enforcePermissions: false,
})
const app = express()
app.use('/beta', service.listener)
app.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'))
