// Checks a request's token as Vitrine does: HS256, not expired, the active account and the generation of its tokens.
import { createVerifier } from 'fast-jwt'

const USER = 'SELECT id FROM users_user WHERE id = ? AND is_active = 1 AND token_generation = ?'

function refusal(message) {
  return Object.assign(new Error(message), { statusCode: 401 })
}

export function viewerOf(database, key) {
  const verify = createVerifier({ key, algorithms: ['HS256'], requiredClaims: ['sub', 'gen', 'iat', 'exp'], cache: 1_000 })
  return async (request) => {
    const header = request.headers.authorization
    if (!header?.startsWith('Bearer ')) throw refusal('Sign in first.')
    let claims
    try {
      claims = verify(header.slice(7))
    } catch {
      throw refusal('The token is not valid.')
    }
    const rows = await database.rows(USER, [Number(claims.sub), claims.gen])
    if (rows.length === 0) throw refusal('The token has been revoked.')
    return rows[0].id
  }
}
