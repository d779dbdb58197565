import type { CommandStartedEvent, MongoClientOptions } from 'mongodb'

/** How the MongoDB store behaves; every limit has a default. */
export interface MongoStoreOptions {
  /** database; default: the one the URI names, else `odatum` */
  readonly database?: string
  /** rows read at the most for a filter or an order that MongoDB cannot evaluate; default 100,000 */
  readonly scanLimit?: number
  /** make the indexes the model asks for; default true */
  readonly indexes?: boolean
  /** milliseconds until a server that cannot be reached is an error; default 5,000 */
  readonly connectTimeout?: number
  /** told what an operator should know (an index that cannot be built) */
  readonly warn?: (message: string) => void
  /** told of every command that is sent (tests, traces) */
  readonly observe?: (command: CommandStartedEvent) => void
  /** further options of the driver (TLS, credentials, pool size); concerns and read preference are the store's own */
  readonly driver?: MongoClientOptions
}

export const defaultScanLimit = 100_000
