// Products, categories and brands: the selected page by one statement, relations by loaders, one statement for each.

const PRODUCTS =
  'SELECT id, name, slug, sku, description, price, quantity, unlimited_stock, rating, created_at, category_id, brand_id FROM catalog_product'
const COLUMNS = { PRICE: 'price', CREATED_AT: 'created_at' }
const SUBTREE = (slugs) => `WITH RECURSIVE below AS (SELECT id FROM catalog_category WHERE slug IN (${marks(slugs)})
 UNION ALL SELECT child.id FROM catalog_category child JOIN below ON child.parent_id = below.id) SELECT id FROM below`

export const gid = (type, key) => Buffer.from(`${type}:${key}`).toString('base64')
export const marks = (values) => '?' + ',?'.repeat(values.length - 1)
// SQLite has numbers, MySQL has texts with two digits.
export const decimal = (value) => (typeof value === 'string' ? value : value.toFixed(2))
export const money = (amount) => ({ amount, currency: 'EUR' })

function moment(text) {
  // What was written past Django's ORM has its offset in SQLite.
  const [day, time] = text.replace('+00:00', '').split(' ')
  return `${day}T${time.endsWith('.000000') ? time.slice(0, 8) : time}+00:00`
}

// A row with its values in the form of the API, each made when it is asked for.
export class Product {
  constructor(row) {
    this.row = row
  }
  get id() {
    return gid('Product', this.row.id)
  }
  get name() {
    return this.row.name
  }
  get slug() {
    return this.row.slug
  }
  get sku() {
    return this.row.sku
  }
  get description() {
    return this.row.description
  }
  get price() {
    return money(decimal(this.row.price))
  }
  get quantity() {
    return this.row.quantity
  }
  get inStock() {
    return this.row.quantity > 0 || Boolean(this.row.unlimited_stock)
  }
  get rating() {
    return this.row.rating
  }
  get createdAt() {
    return moment(this.row.created_at)
  }
}

class Edge {
  constructor(node, column) {
    this.node = node
    this.column = column
  }
  get cursor() {
    return Buffer.from(JSON.stringify([this.node.row[this.column], this.node.row.id])).toString('base64')
  }
}

class Named {
  constructor(type, row) {
    this.type = type
    this.row = row
  }
  get id() {
    return gid(this.type, this.row.id)
  }
  get name() {
    return this.row.name
  }
  get slug() {
    return this.row.slug
  }
}

async function keysOf(database, sql, slugs) {
  return slugs.length === 0 ? [] : (await database.rows(sql, slugs)).map((row) => row.id)
}

// The WHERE clause of a filter and its values. `without` leaves a facet's own filter out.
async function where(database, filter) {
  const clauses = ['is_active = 1']
  const values = []
  const among = (column, keys) => {
    clauses.push(keys.length ? `${column} IN (${marks(keys)})` : '1 = 0')
    values.push(...keys)
  }
  if (filter?.category) among('category_id', await keysOf(database, SUBTREE(filter.category), filter.category))
  if (filter?.brand) {
    among('brand_id', await keysOf(database, `SELECT id FROM catalog_brand WHERE slug IN (${marks(filter.brand)})`, filter.brand))
  }
  for (const [column, range] of [['price', filter?.price], ['rating', filter?.rating]]) {
    for (const [end, operator] of [['min', '>='], ['max', '<=']]) {
      if (range?.[end] == null) continue
      clauses.push(`${column} ${operator} ?`)
      values.push(range[end])
    }
  }
  if (filter?.inStock != null) clauses.push(`${filter.inStock ? '' : 'NOT '}(quantity > 0 OR unlimited_stock = 1)`)
  return [` WHERE ${clauses.join(' AND ')}`, values]
}

async function products(_, { first, filter, sortBy }, { database }) {
  const size = Math.min(Math.max(first ?? 20, 1), 100)
  const column = COLUMNS[sortBy?.field ?? 'CREATED_AT']
  const direction = sortBy ? (sortBy.direction ?? 'ASC') : 'DESC'
  const [clause, values] = await where(database, filter)
  const order = ` ORDER BY ${column} ${direction}, id ${direction} LIMIT ${size + 1}`
  const rows = await database.rows(PRODUCTS + clause + order, values)
  const hasNextPage = rows.length > size
  if (hasNextPage) rows.pop()
  const edges = rows.map((row) => new Edge(new Product(row), column))
  return { edges, pageInfo: { hasNextPage, endCursor: edges.at(-1)?.cursor ?? null }, clause, values, filter }
}

async function count(database, clause, values) {
  return (await database.rows(`SELECT COUNT(*) AS units FROM catalog_product${clause}`, values))[0].units
}

// By each object the row that its key names; all rows by one statement.
async function related(queries, database, type, table, key) {
  const keys = [...new Set(queries.map(({ obj }) => obj.row[key]).filter((one) => one != null))]
  if (keys.length === 0) return queries.map(() => null)
  const columns = type === 'Category' ? 'id, name, slug, parent_id' : 'id, name, slug'
  const rows = await database.rows(`SELECT ${columns} FROM ${table} WHERE id IN (${marks(keys)})`, keys)
  const byKey = new Map(rows.map((row) => [row.id, new Named(type, row)]))
  return queries.map(({ obj }) => byKey.get(obj.row[key]) ?? null)
}

// mercurius's own cache serializes each object to compare it; `related` finds equal keys at less cost.
const opts = { cache: false }
const category = (key) => ({ opts, loader: (queries, { database }) => related(queries, database, 'Category', 'catalog_category', key) })

export const loaders = {
  Product: {
    category: category('category_id'),
    brand: { opts, loader: (queries, { database }) => related(queries, database, 'Brand', 'catalog_brand', 'brand_id') },
  },
  Category: { parent: category('parent_id') },
}

export const resolvers = {
  Query: {
    products,
    async product(_, { slug }, { database }) {
      const rows = await database.rows(`${PRODUCTS} WHERE slug = ? AND is_active = 1`, [slug])
      return rows.length ? new Product(rows[0]) : null
    },
  },
  ProductConnection: {
    totalCount: ({ clause, values }, _, { database }) => count(database, clause, values),
    facets: ({ filter }) => ({ filter }),
  },
  ProductFacets: {
    async inStock({ filter }, _, { database }) {
      return count(database, ...(await where(database, { ...filter, inStock: true })))
    },
    // Those that the filter names come first in Vitrine; bench/graphql asks for facets without a filter by brand.
    async brands({ filter }, { first }, { database }) {
      const [clause, values] = await where(database, { ...filter, brand: null })
      const counted = `SELECT brand_id, COUNT(*) AS units FROM catalog_product${clause} AND brand_id IS NOT NULL GROUP BY brand_id`
      // A left join begins with the counts. By JOIN, MariaDB may count once for each of 2,000 brands, which takes half a minute.
      const rows = await database.rows(
        `SELECT id, name, slug, units FROM (${counted}) counted LEFT JOIN catalog_brand ON id = brand_id ORDER BY units DESC, slug LIMIT ${Math.min(first, 100)}`,
        values,
      )
      return rows.map((row) => ({ brand: new Named('Brand', row), count: row.units }))
    },
  },
}
