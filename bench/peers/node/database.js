// MySQL by mysql2, or SQLite by better-sqlite3; statements are prepared once and kept.

export async function connect(url) {
  return url.startsWith('mysql:') ? mysql(url) : sqlite(url.slice('sqlite:///'.length))
}

async function mysql(url) {
  const { createPool } = await import('mysql2')
  const pool = createPool({ uri: url, connectionLimit: 8, dateStrings: true, timezone: 'Z', maxPreparedStatements: 1_500 })
  const rowsBy = (connection) => (sql, values) =>
    new Promise((resolve, reject) => {
      connection.execute(sql, values, (error, rows) => (error ? reject(error) : resolve(rows)))
    })
  const rows = rowsBy(pool)
  return {
    rows,
    async transaction(work) {
      const connection = await new Promise((resolve, reject) => {
        pool.getConnection((error, one) => (error ? reject(error) : resolve(one)))
      })
      const within = rowsBy(connection)
      try {
        await within('START TRANSACTION', [])
        const result = await work(within)
        await within('COMMIT', [])
        return result
      } catch (error) {
        await within('ROLLBACK', [])
        throw error
      } finally {
        connection.release()
      }
    },
    forUpdate: ' FOR UPDATE',
  }
}

async function sqlite(path) {
  const { default: Database } = await import('better-sqlite3')
  const database = new Database(path)
  const statements = new Map()
  async function rows(sql, values) {
    let statement = statements.get(sql)
    if (!statement) statements.set(sql, (statement = database.prepare(sql)))
    return statement.reader ? statement.all(values) : statement.run(values)
  }
  let last = Promise.resolve()
  return {
    rows,
    // One after the other: there is one connection.
    transaction(work) {
      const turn = last.then(async () => {
        database.exec('BEGIN IMMEDIATE')
        try {
          const result = await work(rows)
          database.exec('COMMIT')
          return result
        } catch (error) {
          database.exec('ROLLBACK')
          throw error
        }
      })
      last = turn.catch(() => {})
      return turn
    },
    forUpdate: '',
  }
}
