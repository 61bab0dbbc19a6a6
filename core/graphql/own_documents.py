"""The documents of the sign-in box of both explorers (core/static/core/session.js), which always are trusted."""

_PAIR = "{ token refreshToken expiresAt user { email isStaff } errors { message code retryAfter } }"

OWN_DOCUMENTS = {
    "sign-in": "mutation SignIn($email: String!, $password: String!)"
    f" {{ result: tokenAuth(email: $email, password: $password) {_PAIR} }}",
    "renew": f"mutation Renew($refreshToken: String!) {{ result: refreshToken(refreshToken: $refreshToken) {_PAIR} }}",
    "sign-out": "mutation SignOut($refreshToken: String!)"
    " { result: revokeToken(refreshToken: $refreshToken) { errors { message } } }",
}
