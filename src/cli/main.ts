#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import * as modules from 'node:module'

// From Node 22.8 on what V8 made of the code is kept from one start to the next: a sixth of the start on a big model. It
// holds for what is loaded from here on, so nothing else is loaded before.
const { enableCompileCache } = modules as { readonly enableCompileCache?: () => unknown }
enableCompileCache?.()

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}
const { runCommandLine } = await import('./command-line.ts')
runCommandLine(version)
