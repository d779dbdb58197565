import { ObjectId } from 'bson'
import { isTagged } from '../edm/annotations.ts'
import type { Type } from '../edm/model.ts'

/** On a type definition over Edm.String: its values are stored as ObjectIds, whose 24 hexadecimal digits they are. */
export const objectIdTerm = 'Odatum.V1.ObjectId'

const digits = /^[0-9a-f]{24}$/

/** Whether values of the type are stored as ObjectIds. */
export function isObjectIdType(type: Type): boolean {
  return type.kind === 'typeDefinition' && type.underlying.name === 'Edm.String' && isTagged(type, objectIdTerm)
}

/** Whether a text is that of an ObjectId. Other texts, capitals too, stay texts: reading gives them back as they were. */
export function isObjectIdText(text: string): boolean {
  return digits.test(text)
}

/** A text as it is stored where the type asks for ObjectIds. */
export function toObjectId(text: string): ObjectId | string {
  return isObjectIdText(text) ? new ObjectId(text) : text
}

/** The digits of a new ObjectId: those made later come later. */
export function newObjectIdText(): string {
  return new ObjectId().toHexString()
}
