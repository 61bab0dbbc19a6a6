// Serves the catalogue with fastify, mercurius and graphql-jit. PORT, DATABASE_URL and JWT_SECRET_KEY as Vitrine has them.
import { readFileSync } from 'node:fs'

import Fastify from 'fastify'
import mercurius from 'mercurius'

import { loaders, resolvers } from './catalogue.js'
import { cartResolvers } from './cart.js'
import { connect } from './database.js'
import { viewerOf } from './viewer.js'

const database = await connect(process.env.DATABASE_URL)
const viewer = viewerOf(database, process.env.JWT_SECRET_KEY)
const app = Fastify({ keepAliveTimeout: 600_000 })
await app.register(mercurius, {
  schema: readFileSync(new URL('schema.graphql', import.meta.url), 'utf8'),
  resolvers: { ...resolvers, Query: { ...resolvers.Query, ...cartResolvers.Query }, Mutation: cartResolvers.Mutation },
  loaders,
  context: async (request) => ({ user: await viewer(request), database }),
  path: '/graphql/',
  // A document is compiled when it comes for the second time.
  jit: 1,
  // The loaders collect keys themselves. mercurius's own cache would serialize each object to compare it.
  cache: 5_000,
})
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(0))
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
