/** The data of the shop (shop.xml): 1,000 customers with 10 orders each, the same for every server. */
export const customerCount = 1_000
export const ordersEach = 10
const statuses = ['open', 'paid', 'sent', 'returned']
const words = ['quick', 'brown', 'fox', 'jumps', 'over', 'lazy', 'dog', 'amber', 'violet', 'copper', 'silver', 'willow']
const word = (n) => words[n % words.length]

export const customer = (id) => ({
  id,
  name: `Customer ${id}`,
  city: `City ${id % 50}`,
  notes: `${word(id)} ${word(id * 7 + 3)} ${word(id * 5 + 1)} note${id % 200} of this customer`,
})
/** @param n which of the customer's orders: 0 to 9 */
export const order = (customerId, n) => ({
  id: customerId * ordersEach + n,
  customerId,
  status: statuses[(customerId + n) % 4],
  total: (customerId * 7919 + n * 104729) % 10_000,
  comment: `comment on order ${n} of customer ${customerId}`,
})
export const ordersOf = (id) => Array.from({ length: ordersEach }, (_, n) => order(id, n))
export const customers = () => Array.from({ length: customerCount }, (_, id) => customer(id))
export const orders = () => customers().flatMap(({ id }) => ordersOf(id))
