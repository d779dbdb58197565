import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, posix } from 'node:path'
import vm from 'node:vm'

/**
 * OpenUI5's OData V4 model, in Node: its own modules as they are, in a context of their own, behind a loader of AMD modules. What stands for the browser: the
 * transport (`jQuery.ajax`) is fetch, XML is parsed by xmldom, and what draws on a screen (rendering, themes, message popovers) does nothing.
 */

/** Why the model cannot be loaded; empty where it can. */
export const ui5Missing: string = ['@openui5/sap.ui.core', '@xmldom/xmldom'].every((name) =>
  existsSync(join(import.meta.dirname, '../../node_modules', name, 'package.json')),
)
  ? ''
  : '@openui5/sap.ui.core is not installed: npm ci'

export type Ui5Object = Readonly<Record<string, unknown>>

/** `sap.ui.model.odata.v4.Context`. */
export interface Ui5Context {
  getObject(path?: string): Ui5Object
  getProperty(path: string): unknown
  getPath(): string
  requestObject(path?: string): Promise<unknown>
  /** resolves once the change is stored; rejects with the answer's error */
  setProperty(path: string, value: unknown, group?: string): Promise<void>
  delete(group?: string): Promise<void>
  created(): Promise<void>
  isTransient(): boolean | undefined
}

/** `sap.ui.model.odata.v4.ODataListBinding`. */
export interface Ui5List {
  requestContexts(start: number, length: number): Promise<readonly Ui5Context[]>
  getCount(): number | undefined
  create(data: object): Ui5Context
  getHeaderContext(): Ui5Context
}

/** `sap.ui.model.odata.v4.ODataContextBinding`. */
export interface Ui5Binding {
  requestObject(path?: string): Promise<Ui5Object>
  getBoundContext(): Ui5Context
  setParameter(name: string, value: unknown): Ui5Binding
  invoke(group?: string): Promise<Ui5Context | undefined>
}

/** `sap.ui.model.odata.v4.ODataModel`. */
export interface Ui5Model {
  bindList(
    path: string,
    context?: Ui5Context,
    sorters?: readonly unknown[],
    filters?: readonly unknown[],
    parameters?: object,
  ): Ui5List
  bindContext(path: string, context?: Ui5Context, parameters?: object): Ui5Binding
  submitBatch(group: string): Promise<void>
  hasPendingChanges(group?: string): boolean
  resetChanges(group?: string): Promise<void>
  getMetaModel(): { requestObject(path: string): Promise<unknown> }
}

/** What a failed request rejects with. */
export interface Ui5Error extends Error {
  readonly status: number
  readonly isConcurrentModification?: boolean
  readonly error: { readonly code: string; readonly message: string }
}

export interface Ui5 {
  /** @param settings `serviceUrl` with its last slash, `updateGroupId`, ... */
  model(settings: object): Ui5Model
  filter(path: string, operator: string, value?: unknown): unknown
  sorter(path: string, descending?: boolean): unknown
  /** what was sent: method and URL */
  readonly requests: string[]
  /** texts of errors that the model told its application */
  readonly messages: string[]
}

interface Answer {
  readonly status: number
  readonly statusText: string
  readonly responseText: string
  responseJSON?: unknown
  getResponseHeader(name: string): string | null
  getAllResponseHeaders(): string
}
type Done = (value: unknown, state: string, answer: Answer) => void
type Fail = (answer: Answer, state: string, error: string) => void

interface Module {
  readonly id: string
  value: unknown
}

/** Loads the model anew. */
export function loadUi5(): Ui5 {
  const require = createRequire(import.meta.url)
  const { DOMParser } = require('@xmldom/xmldom') as {
    DOMParser: new () => { parseFromString(text: string, type: string): unknown }
  }
  const root = join(import.meta.dirname, '../../node_modules/@openui5/sap.ui.core/src')
  const requests: string[] = []
  const messages: string[] = []

  const ajax = (url: string, request: { method: string; headers: Record<string, string>; data?: string }) => {
    requests.push(`${request.method} ${url}`)
    const { method, headers, data } = request
    const sent = fetch(url, { method, headers, ...(data === undefined ? {} : { body: data }) }).then(async (answer) => {
      const text = await answer.text()
      const xhr: Answer = {
        status: answer.status,
        statusText: answer.statusText,
        responseText: text,
        getResponseHeader: (name) => answer.headers.get(name),
        getAllResponseHeaders: () => [...answer.headers].map(([name, value]) => `${name}: ${value}\r\n`).join(''),
      }
      const type = answer.headers.get('Content-Type') ?? ''
      let value: unknown = text
      if (/^application\/xml/.test(type)) value = new DOMParser().parseFromString(text, 'text/xml')
      else if (/^application\/json/.test(type)) {
        value = text === '' ? undefined : JSON.parse(text)
        xhr.responseJSON = value
      }
      return { ok: answer.ok, value, xhr }
    })
    const deferred = {
      // biome-ignore lint/suspicious/noThenProperty: jQuery's deferred has one
      then: (done: Done, fail: Fail) => {
        void sent.then(
          ({ ok, value, xhr }) => (ok ? done(value, 'success', xhr) : fail(xhr, 'error', xhr.statusText)),
          (error: unknown) =>
            fail(
              {
                status: 0,
                statusText: String(error),
                responseText: '',
                getResponseHeader: () => null,
                getAllResponseHeaders: () => '',
              },
              'error',
              String(error),
            ),
        )
        return deferred
      },
    }
    return deferred
  }

  const nothing = (): void => {}
  const defaults: Record<string, unknown> = {
    boolean: false,
    integer: 0,
    string: '',
    'string[]': [],
    'function[]': [],
    object: {},
    mergedObject: {},
  }
  const configuration = {
    Type: {
      Boolean: 'boolean',
      Code: 'code',
      Integer: 'integer',
      String: 'string',
      StringArray: 'string[]',
      FunctionArray: 'function[]',
      Function: 'function',
      Object: 'object',
      MergedObject: 'mergedObject',
    },
    get: ({ defaultValue, type }: { defaultValue?: unknown; type: string }) =>
      typeof defaultValue === 'function' ? defaultValue() : (defaultValue ?? defaults[type]),
    registerProvider: nothing,
    _: { invalidate: nothing },
  }
  /** Modules of the browser, and of what is drawn in it. */
  const standIns = new Map<string, unknown>(
    Object.entries({
      'sap/ui/thirdparty/jquery': { ajax },
      'ui5loader-autoconfig': undefined,
      'sap/base/config/_Configuration': configuration,
      'sap/ui/Device': { browser: {}, os: {}, system: {}, support: {} },
      'sap/ui/core/Lib': { getResourceBundleFor: () => ({ getText: (key: string) => key }), all: () => ({}) },
      'sap/ui/core/Rendering': { addPrerenderingTask: (task: () => void) => setTimeout(task, 0) },
      'sap/ui/core/Messaging': {
        updateMessages: (_old: unknown, added: readonly { getMessage(): string }[] | undefined) =>
          messages.push(...(added ?? []).map((message) => message.getMessage())),
        registerMessageProcessor: nothing,
        unregisterMessageProcessor: nothing,
        addMessages: nothing,
        removeMessages: nothing,
      },
      'sap/ui/core/cache/CacheManager': { get: async () => undefined, set: async () => {}, del: async () => {} },
      'sap/ui/util/ActivityDetection': { attachActivate: nothing, detachActivate: nothing, refresh: nothing },
      // reads OData V2 as if it were V4
      'sap/ui/model/odata/v4/lib/_V2Requestor': nothing,
    }),
  )

  const modules = new Map<string, Module>()
  let loading: Module | undefined
  const load = (id: string): unknown => {
    const known = modules.get(id)
    if (known) return known.value
    const module: Module = { id, value: standIns.get(id) }
    modules.set(id, module)
    if (standIns.has(id)) return module.value
    const outer = loading
    loading = module
    try {
      vm.runInContext(readFileSync(join(root, `${id}.js`), 'utf8'), context, { filename: `${id}.js` })
    } finally {
      loading = outer
    }
    return module.value
  }
  /** `sap.ui.define([name], [dependencies], factory)`: cycles get what is there so far. */
  const define = (...parts: readonly unknown[]): void => {
    const module = loading
    if (module === undefined) return
    const rest = typeof parts[0] === 'string' ? parts.slice(1) : parts
    const [names, made] = Array.isArray(rest[0]) ? [rest[0] as string[], rest[1]] : [[], rest[0]]
    const values = names.map((name) => load(name.startsWith('.') ? posix.join(posix.dirname(module.id), name) : name))
    module.value = typeof made === 'function' ? made(...values) : made
  }
  const requireModule = (names: string | readonly string[], done?: (...values: unknown[]) => void): unknown => {
    if (typeof names === 'string') return standIns.has(names) ? load(names) : modules.get(names)?.value
    const values = names.map(load)
    if (done) queueMicrotask(() => done(...values))
    return undefined
  }
  const element = () => ({ className: '', style: {}, setAttribute: nothing, getAttribute: () => null })
  const window: Record<string, unknown> = {
    document: {
      baseURI: 'http://localhost/',
      documentElement: element(),
      createElement: element,
      querySelector: () => null,
      cookie: '',
    },
    location: new URL('http://localhost/'),
    navigator: { userAgent: 'node', language: 'en', languages: ['en'], platform: '' },
    matchMedia: () => ({ matches: false, addListener: nothing, addEventListener: nothing }),
    addEventListener: nothing,
    removeEventListener: nothing,
    XMLHttpRequest: class {},
    DOMParser,
    fetch,
    URL,
    URLSearchParams,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
    queueMicrotask,
    performance,
    // errors that a test asks for are told there, too
    console: Object.fromEntries(['log', 'info', 'debug', 'warn', 'error', 'assert'].map((name) => [name, nothing])),
    sap: {
      ui: { define, require: requireModule, requireSync: load, predefine: nothing, loader: { config: nothing, _: {} } },
    },
  }
  for (const name of ['window', 'self', 'top', 'parent']) window[name] = window
  const context = vm.createContext(window)
  const make = <T>(id: string): (new (...values: readonly unknown[]) => T) =>
    load(id) as new (
      ...values: readonly unknown[]
    ) => T
  const ODataModel = make<Ui5Model>('sap/ui/model/odata/v4/ODataModel')
  const Filter = make<object>('sap/ui/model/Filter')
  const Sorter = make<object>('sap/ui/model/Sorter')
  return {
    model: (settings) => new ODataModel({ earlyRequests: false, operationMode: 'Server', ...settings }),
    filter: (path, operator, value) => new Filter(path, operator, value),
    sorter: (path, descending = false) => new Sorter(path, descending),
    requests,
    messages,
  }
}
