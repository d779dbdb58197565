import { createService, type Model, ODataController, ODataError, type Store } from 'odatum'
import type {
  Author,
  AuthorCreate,
  AuthorUpdate,
  Binding,
  Book,
  BookCreate,
  BookshopControllers,
  BookUpdate,
  Flags,
  Genre,
  StockLevel,
} from './bookshop.ts'

/** What a user of `odatum types` writes; each line that must not compile says so. */
class Books extends ODataController<Book, BookCreate, BookUpdate> {
  override beforeCreate(book: BookCreate) {
    if (book.Title === '') throw new ODataError('valueInvalid', 'A book needs a title.')
    // @ts-expect-error: computed, so no body has it
    book.ID
    // @ts-expect-error: a decimal is text
    const price: number = book.Price
    // @ts-expect-error: hooks give changes back
    book.Title = 'other'
    return { Title: book.Title.trim(), ID: 'hooks may set what is computed', Pages: price }
  }

  override async beforeUpdate(
    changes: BookUpdate,
    context: Parameters<NonNullable<ODataController<Book>['beforeUpdate']>>[1],
  ) {
    // @ts-expect-error: immutable, so no update has it
    changes.ISBN
    const before = await context.stored()
    const title: string | undefined = before?.Title
    return { Tags: [title ?? '', ...(changes.Tags ?? [])] }
  }

  override afterCreate(book: Book) {
    const pages: number | null = book.Pages
    // @ts-expect-error: may be null
    const certain: number = book.Pages
    return void [pages, certain]
  }
}

class AsyncBooks extends ODataController<Book, BookCreate, BookUpdate> {
  override async beforeCreate(book: BookCreate): Promise<void> {
    await Promise.resolve(book)
  }
}

class WrongMember extends ODataController<Book, BookCreate, BookUpdate> {
  // @ts-expect-error: a number is no title
  override beforeCreate(_: BookCreate) {
    return { Title: 5 }
  }
}

class WrongBody extends ODataController<Book, BookCreate, BookUpdate> {
  // @ts-expect-error: the hook is given a book
  override beforeCreate(_: AuthorCreate) {
    return undefined
  }
}

class Authors extends ODataController<Author, AuthorCreate, AuthorUpdate> {
  override beforeCreate(author: AuthorCreate) {
    // a nested value may be as a body says it
    return { Address: { City: author.Address?.City ?? 'Nowhere' } }
  }
}

/** Untyped, as in plain JavaScript. */
class Anything extends ODataController {
  override beforeCreate(entity: { readonly [name: string]: unknown }) {
    return { ...entity, Title: 1 }
  }
}

export function serve(model: Model, store: Store) {
  createService<BookshopControllers>({ model, store, controllers: { Books, Authors } })
  createService<BookshopControllers>({ model, store, controllers: { Books: AsyncBooks, StockLevels: ODataController } })
  createService({ model, store, controllers: { Books: Anything, Whatever: Books } })
  // @ts-expect-error: the model has no such set
  createService<BookshopControllers>({ model, store, controllers: { Book: Books } })
  // @ts-expect-error: a controller of books is none of authors
  createService<BookshopControllers>({ model, store, controllers: { Authors: Books } })
  return [WrongMember, WrongBody]
}

export const create: BookCreate = { Title: 'T', Price: '9.90', Genres: 'Fiction,Science' }
// @ts-expect-error: required
export const noTitle: BookCreate = { Price: '9.90' }
// @ts-expect-error: unknown
export const typo: BookCreate = { Title: 'T', Price: '9.90', Titel: 'T' }
export const update: BookUpdate = { Pages: null }
// @ts-expect-error: not nullable
export const noNull: BookUpdate = { Title: null }
export const binding: Binding = 'EBook'
// @ts-expect-error: no member
export const noBinding: Binding = 'Ebook'
export const flags: Flags<Genre> = 'Fiction,History'
// @ts-expect-error: no member
export const noFlags: Flags<Genre> = 'Poetry,History'
export const stock: StockLevel = {
  Shop: 's',
  Shelf: 1,
  Copies: 9_007_199_254_740_993n,
  Counted: '2024-01-01T00:00:00Z',
  Place: { Street: null, City: 'c', Country: null },
}
