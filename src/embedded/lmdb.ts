import { loadPackage } from '../base/load-package.ts'

/** lmdb as the one file that it is for `require`: as ES modules it is dozens, which take twice as long to find and compile. */
export const { ABORT, open } = loadPackage('lmdb') as typeof import('lmdb')
