/** An object without inherited members that V8 keeps in fast mode, other than those of `Object.create(null)`. */
export class BareRecord {
  [name: string]: string
}
Object.setPrototypeOf(BareRecord.prototype, null)
Reflect.deleteProperty(BareRecord.prototype, 'constructor')
