import {
  type ClientSession,
  type Collection,
  type Db,
  type Document,
  MongoClient,
  type MongoClientOptions,
  type TransactionOptions,
} from 'mongodb'
import type { Session } from '../store/port.ts'
import { ClusterTime } from './cluster-time.ts'
import type { MongoStoreOptions } from './options.ts'

/** Writes are acknowledged once a majority has them in its journal, whatever the URI says. */
export const writeConcern = { w: 'majority', journal: true } as const

/** Reads see what a majority has, on the primary: never a state older than their own arrival. */
export const readConcern = { level: 'majority' } as const

/** A transaction sees one state of the data, and is durable once it is committed. */
export const snapshotTransaction: TransactionOptions = {
  readConcern: { level: 'snapshot' },
  writeConcern,
  readPreference: 'primary',
}

/** The server's limit for one document, and for one batch of a cursor. */
export const maxDocumentBytes = 16_777_216

/** What all parts of the store share. */
export class Connection {
  readonly client: MongoClient
  readonly db: Db
  /** known once connected */
  transactions = false

  constructor(uri: string, options: MongoStoreOptions) {
    const { connectTimeout, observe } = options
    const inUri = new URLSearchParams(uri.split('?')[1] ?? '')
    const defaults: MongoClientOptions = { appName: 'odatum' }
    if (connectTimeout !== undefined || !inUri.has('serverSelectionTimeoutMS'))
      defaults.serverSelectionTimeoutMS = connectTimeout ?? 5_000
    if (!inUri.has('socketTimeoutMS')) defaults.socketTimeoutMS = 120_000
    this.client = new MongoClient(uri, {
      ...defaults,
      ...options.driver,
      writeConcern,
      readConcern,
      readPreference: 'primary',
      // a retried write would hide whether the first attempt may have been carried out
      retryWrites: false,
      ...(observe ? { monitorCommands: true } : {}),
    })
    if (observe) this.client.on('commandStarted', observe)
    this.db = this.client.db(options.database ?? databaseOf(uri))
  }

  collection(name: string): Collection<Document> {
    return this.db.collection(name)
  }

  /** Connects, and learns whether the server has transactions (a replica set or mongos, not a lone server). */
  async open(): Promise<void> {
    await this.client.connect()
    const hello = await this.db.command({ hello: 1 })
    this.transactions = hello.setName !== undefined || hello.msg === 'isdbgrid'
  }
}

/** The database of a URI: what stands between its first single slash and the question mark. */
function databaseOf(uri: string): string {
  const path = /^[a-z+]+:\/\/[^/]*\/([^?]*)/.exec(uri)?.[1] ?? ''
  return path === '' ? 'odatum' : decodeURIComponent(path)
}

/** The driver's session of a running transaction. */
export function transactionOf(session: Session): ClientSession | undefined {
  return session.transaction as ClientSession | undefined
}

/** What a write command says about its durability; in a transaction the commit says it. */
export function writeConcernOf(session: Session): Document {
  return session.transaction
    ? {}
    : {
        writeConcern: {
          w: writeConcern.w,
          j: writeConcern.journal,
          wtimeout: Math.max(1, Math.round(session.timeLimit)),
        },
      }
}

/** What a read command says about what it may see; in a transaction the first command says it. */
export function readConcernOf(session: Session): Document {
  if (session.transaction) return {}
  return { readConcern: session.snapshot instanceof ClusterTime ? session.snapshot.readConcern : readConcern }
}

/** Whether a read must not be answered together with those of others: it sees another state, or others see more of it. */
export function standsAlone(session: Session): boolean {
  return session.transaction !== undefined || session.snapshot !== undefined || session.trace !== undefined
}

/** The driver's options of a command: its transaction, where it runs in one. */
export function commandOptions(session: Session): { session?: ClientSession } {
  const transaction = transactionOf(session)
  return transaction ? { session: transaction } : {}
}
