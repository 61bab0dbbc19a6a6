// The cart of the signed-in user, and the change of a line's quantity in one transaction.
import { Product, decimal, gid, money } from './catalogue.js'

const LINES = `SELECT line.id AS line_id, line.quantity AS units, product.* FROM (SELECT id, quantity, product_id FROM cart_cartline WHERE cart_id = ?) line
 JOIN (SELECT id, name, slug, sku, description, price, quantity, unlimited_stock, is_active, rating, created_at, category_id, brand_id FROM catalog_product)
 product ON product.id = line.product_id ORDER BY line.id`

const cents = (value) => Math.round(Number(value) * 100)
const amount = (value) => money((value / 100).toFixed(2))

async function cartOf(rows, user) {
  const lines = await rows(LINES, [user])
  let units = 0
  let subtotal = 0
  for (const line of lines) {
    units += line.units
    const product = new Product(line)
    if (line.is_active && (line.unlimited_stock || line.quantity >= line.units)) subtotal += cents(line.price) * line.units
    line.shown = { id: gid('CartLine', line.line_id), quantity: line.units, product, lineTotal: amount(cents(decimal(line.price)) * line.units) }
  }
  return { lines: lines.map((line) => line.shown), totalQuantity: units, subtotal: amount(subtotal) }
}

export const cartResolvers = {
  Query: { cart: (_, __, { database, user }) => cartOf(database.rows, user) },
  Mutation: {
    async cartLinesUpdate(_, { input }, { database, user }) {
      const errors = []
      await database.transaction(async (rows) => {
        await rows(`SELECT version FROM cart_cart WHERE user_id = ?${database.forUpdate}`, [user])
        for (const { lineId, quantity } of input.lines) {
          const line = Number(Buffer.from(lineId, 'base64').toString().split(':')[1])
          const stock = await rows(
            'SELECT product.quantity, unlimited_stock FROM cart_cartline line JOIN catalog_product product ON product.id = product_id WHERE cart_id = ? AND line.id = ?',
            [user, line],
          )
          if (stock.length === 0 || !(stock[0].unlimited_stock || stock[0].quantity >= quantity)) {
            errors.push({ message: 'There are not so many.' })
            continue
          }
          await rows('UPDATE cart_cartline SET quantity = ? WHERE id = ?', [quantity, line])
        }
        await rows('UPDATE cart_cart SET version = version + 1 WHERE user_id = ?', [user])
      })
      return { cart: await cartOf(database.rows, user), errors }
    },
  },
}
