import { randomBytes } from 'node:crypto'

/** The data all servers of a run serve: the same onPremEncryptedPayloads, made from a fixed seed. */

let state = 12345
const random = () => {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
  return state / 0x7fffffff
}
const hex = (length) => Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('')
const guid = () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`

/** One entity as a client sends it. */
export function entity(i) {
  const day = new Date(1_483_257_798_959 + i * 61_001).toISOString().slice(0, 19)
  return {
    tenantId: guid(),
    userId: guid(),
    deviceId: guid(),
    payloadId: guid(),
    deviceKeyThumbprint: `Device Key Thumbprint value ${i}`,
    cert1PayloadUUID: 'Cert1Payload UUID value',
    cert2PayloadUUID: 'Cert2Payload UUID value',
    cert3PayloadUUID: 'Cert3Payload UUID value',
    plistTemplate: 'Plist Template value',
    encryptedBlob: 'ZW5jcnlwdGVkQmxvYg==',
    payloadVersion: i % 50,
    status: i % 7,
    createdTime: `${day}.9597073-08:00`,
    lastModifiedTime: `${day}.5958204-08:00`,
    eTag: 'ETag value',
    isDeleted: i % 2 === 0,
  }
}

export const setName = 'onPremEncryptedPayloads'
export const typeName = '#microsoft.graph.onPremEncryptedPayload'
export const newId = () => randomBytes(16).toString('hex')
