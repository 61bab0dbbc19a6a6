// The example queries of GraphiQL's menu, in its order; the first one opens by itself. This is the one place for them:
// core/tests/test_pages.py runs each. `variables` is JSON text.
"use strict";

window.Vitrine = window.Vitrine || {};

Vitrine.examples = [
  {
    group: "Catalogue",
    title: "Search, filter and sort",
    about: "Lamps in stock between 20 and 200, cheapest first",
    query: `query SearchProducts($search: String, $filter: ProductFilter, $sortBy: ProductSort) {
  products(search: $search, filter: $filter, sortBy: $sortBy, first: 10) {
    totalCount
    nodes {
      name
      slug
      price { amount currency }
      quantity
      rating
      brand { name }
      category { name }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
    variables: `{
  "search": "lamp",
  "filter": {
    "price": { "min": "20.00", "max": "200.00" },
    "inStock": true
  },
  "sortBy": { "field": "PRICE", "direction": "ASC" }
}`,
  },
  {
    group: "Catalogue",
    title: "The next page",
    about: "Forward by cursor, best rated first",
    query: `# Run it, copy pageInfo.endCursor into the variable "after", run it again.
# A cursor belongs to its query: search, filter and sort must stay the same.
query NextPage($after: String) {
  products(sortBy: { field: RATING, direction: DESC }, first: 5, after: $after) {
    edges {
      cursor
      node { name rating }
    }
    pageInfo { hasNextPage hasPreviousPage endCursor }
  }
}
`,
    variables: `{
  "after": null
}`,
  },
  {
    group: "Catalogue",
    title: "Facets of a search",
    about: "How many products each further choice would give",
    query: `# Each facet is counted without its own filter, so that a choice can be
# changed. What the filter names is "selected".
query Facets($search: String, $filter: ProductFilter) {
  products(search: $search, filter: $filter, first: 1) {
    totalCount
    facets {
      categories(first: 5) { category { name slug } count selected }
      brands(first: 5) { brand { name slug } count selected }
      price {
        min { amount currency }
        max { amount }
        ranges { min { amount } max { amount } count }
      }
      ratings { atLeast count selected }
      inStock
      onSale
      attributes(first: 4, values: 6) {
        attribute { slug name kind unit }
        values { value count selected }
        min
        max
        selected
      }
    }
  }
}
`,
    variables: `{
  "search": "lamp",
  "filter": { "brand": ["møllegård"], "inStock": true }
}`,
  },
  {
    group: "Catalogue",
    title: "Suggestions",
    about: "What a search box shows while somebody types",
    query: `# Of product, category and brand, the one is not null that the kind names.
query Suggestions($text: String!) {
  suggestions(query: $text, first: 8) {
    kind
    text
    slug
    product { price { amount currency } image { alt url(size: THUMBNAIL) } }
    category { path { name } }
    brand { name }
  }
}
`,
    variables: `{
  "text": "la"
}`,
  },
  {
    group: "Catalogue",
    title: "One product",
    about: "By its slug, with its category's path",
    query: `# A slug comes from any search; an unknown one answers null.
query OneProduct($slug: String!) {
  product(slug: $slug) {
    id
    name
    sku
    description
    price { amount currency }
    quantity
    inStock
    rating
    brand { name slug }
    category { name path { name slug } }
    createdAt
    updatedAt
  }
}
`,
    variables: `{
  "slug": "alva-arc-floor-lamp-in-brushed-brass"
}`,
  },
  {
    group: "Catalogue",
    title: "Pictures with srcset",
    about: "For <picture>, without a layout shift",
    query: `# A srcset is null until its files are there; AVIF comes last. width, height
# and placeholder hold the place while the picture loads.
query Pictures($slug: String!) {
  product(slug: $slug) {
    name
    images {
      alt
      width
      height
      placeholder
      avif: srcset(format: AVIF)
      webp: srcset(format: WEBP)
      jpeg: srcset(format: JPEG)
      url(size: MEDIUM, format: JPEG)
    }
  }
}
`,
    variables: `{
  "slug": "alva-arc-floor-lamp-in-brushed-brass"
}`,
  },
  {
    group: "Catalogue",
    title: "Variants as one tile",
    about: "Sofas by colour and width, with the facets of their attributes",
    query: `# GROUP lists one of the products that differ in options only.
query Sofas($filter: ProductFilter) {
  products(filter: $filter, groupBy: GROUP, sortBy: { field: PRICE }, first: 10) {
    totalCount
    nodes {
      name
      slug
      price { amount currency }
      group {
        name
        minPrice { amount }
        maxPrice { amount }
        options { attribute { name } values }
      }
    }
    facets {
      onSale
      attributes(first: 5, values: 10) {
        attribute { slug name kind unit }
        values { value count selected }
        min
        max
        selected
      }
    }
  }
}
`,
    variables: `{
  "filter": {
    "category": ["sofas"],
    "attributes": [
      { "attribute": "colour", "values": ["Oatmeal", "Slate grey"] },
      { "attribute": "width", "min": 150 }
    ]
  }
}`,
  },
  {
    group: "Catalogue",
    title: "Attributes and options",
    about: "What a product is like, the products that differ in options, and related ones",
    query: `# text is what people read; number and boolean are for programs.
query Options($slug: String!) {
  product(slug: $slug) {
    name
    attributes { text number boolean attribute { slug name kind unit } }
    group {
      name
      options { attribute { slug name } values }
      products {
        slug
        inStock
        price { amount }
        attributes { text attribute { slug } }
      }
    }
    related(first: 4) { name slug }
  }
}
`,
    variables: `{
  "slug": "harlow-two-seater-sofa-in-oatmeal"
}`,
  },
  {
    group: "Catalogue",
    title: "The shop and a category's page",
    about: "What a storefront asks before its first product",
    query: `query CategoryPage($slug: String!) {
  shop { name currency currencyDigits catalogIsPublic guestCarts }
  category(slug: $slug) {
    name
    path { name slug }
    children { name slug }
  }
  products(filter: { category: [$slug] }, first: 3) {
    nodes { name slug }
  }
}
`,
    variables: `{
  "slug": "lighting"
}`,
  },
  {
    group: "Catalogue",
    title: "Category tree",
    about: "Three levels, from the roots down",
    query: `query CategoryTree {
  categories {
    name
    slug
    children {
      name
      slug
      children { name slug }
    }
  }
}
`,
  },
  {
    group: "Catalogue",
    title: "Brands",
    about: "By name, with a search",
    query: `query Brands($search: String) {
  brands(search: $search, first: 20) {
    totalCount
    nodes { name slug }
  }
}
`,
    variables: `{
  "search": ""
}`,
  },
  {
    group: "Cart",
    title: "My cart",
    about: "With today's prices and what can be bought",
    query: `query MyCart {
  cart {
    version
    totalQuantity
    subtotal { amount currency }
    lines {
      id
      quantity
      availability
      unitPrice { amount }
      unitPriceWhenAdded { amount }
      lineTotal { amount }
      product { name brand { name } }
    }
  }
}
`,
  },
  {
    group: "Cart",
    title: "Add to the cart",
    about: "Up to a hundred products at once, all or nothing",
    query: `# A product's id comes from any search. Sent again with the same
# idempotencyKey (of your making), it is applied once.
mutation AddToCart($input: CartLinesAddInput!) {
  cartLinesAdd(input: $input) {
    cart {
      version
      subtotal { amount currency }
      lines { id quantity product { name } }
    }
    errors { field code message }
  }
}
`,
    variables: `{
  "input": {
    "lines": [{ "productId": "UHJvZHVjdDoyMw==", "quantity": 1 }],
    "idempotencyKey": null
  }
}`,
  },
  {
    group: "Cart",
    title: "Change quantities",
    about: "0 takes a line out; refused when the cart has changed",
    query: `# Take the lines' ids and the version from "My cart".
mutation ChangeQuantities($input: CartLinesUpdateInput!) {
  cartLinesUpdate(input: $input) {
    cart { version totalQuantity lines { id quantity product { name } } }
    errors { field code message }
  }
}
`,
    variables: `{
  "input": {
    "lines": [{ "lineId": "", "quantity": 2 }],
    "expectedVersion": null
  }
}`,
  },
  {
    group: "Cart",
    title: "A guest's token",
    about: "For a cart without an account",
    query: `# Sign out, or open a tab whose Headers hold no token, and put this one there:
#   { "Authorization": "Bearer …" }
# "My cart" and "Add to the cart" are then the guest's. Nothing is stored until
# the first line. tokenAuth and register take it as guestToken, and add the
# guest's cart to the account's.
mutation GuestToken {
  guestTokenCreate {
    token
    expiresAt
    errors { field code message }
  }
}
`,
  },
  {
    group: "Account",
    title: "Who am I?",
    about: "The signed-in user; null without a valid token",
    query: `query Me {
  me { id email firstName lastName isStaff dateJoined }
}
`,
  },
  {
    group: "Account",
    title: "Change my name",
    about: "What is left out stays; null empties it",
    query: `mutation ChangeMyName($input: ProfileUpdateInput!) {
  profileUpdate(input: $input) {
    user { firstName lastName }
    errors { field message code }
  }
}
`,
    variables: `{
  "input": { "firstName": "Ann" }
}`,
  },
  {
    group: "Account",
    title: "Register",
    about: "Makes an account and signs it in",
    query: `# A known address is ALREADY_EXISTS; a weak password is INVALID and says why.
mutation Register($input: RegisterInput!) {
  register(input: $input) {
    token
    refreshToken
    expiresAt
    user { email firstName }
    errors { field message code }
  }
}
`,
    variables: `{
  "input": {
    "email": "ann@example.com",
    "password": "",
    "firstName": "Ann"
  }
}`,
  },
  {
    group: "Account",
    title: "Sign in",
    about: "What the sign-in box above sends",
    query: `# The token goes into the header "Authorization: Bearer …" (Headers, below)
# and lasts 15 minutes. The sign-in box above renews its own.
mutation SignIn($email: String!, $password: String!) {
  tokenAuth(email: $email, password: $password) {
    token
    refreshToken
    expiresAt
    user { email isStaff }
    errors { field message code }
  }
}
`,
    variables: `{
  "email": "shopper@example.com",
  "password": ""
}`,
  },
  {
    group: "Account",
    title: "Refresh a session",
    about: "A new pair of tokens for a refresh token",
    query: `# Take the refreshToken from "Sign in" or "Register". This spends it: keep
# the new one. INVALID_TOKEN means: sign in again.
mutation Refresh($refreshToken: String!) {
  refreshToken(refreshToken: $refreshToken) {
    token
    refreshToken
    expiresAt
    errors { field message code }
  }
}
`,
    variables: `{
  "refreshToken": ""
}`,
  },
  {
    group: "Staff",
    title: "Create a product",
    about: "With attributes; a new attribute is made by its first value",
    query: `# For staff with the permission to add products; others get FORBIDDEN.
# Category and brand are slugs.
mutation CreateProduct($input: ProductCreateInput!) {
  productCreate(input: $input) {
    product {
      id
      slug
      price { amount currency }
      attributes { text number attribute { slug unit } }
    }
    errors { field message code }
  }
}
`,
    variables: `{
  "input": {
    "name": "Alva reading lamp",
    "category": "table-lamps",
    "brand": "møllegård",
    "price": "59.00",
    "quantity": 12,
    "attributes": [
      { "attribute": "colour", "text": "Brass" },
      { "attribute": "height", "number": 42, "unit": "cm" }
    ]
  }
}`,
  },
  {
    group: "Staff",
    title: "Upload a picture",
    about: "Choose the file with the paper clip beside the editor",
    query: `# The paper clip at the right chooses the file that is sent as $image: JPEG,
# PNG, WebP or AVIF. Then ask "Is the picture ready?".
mutation UploadPicture($productId: ID!, $alt: String, $image: Upload!) {
  productImageUpload(
    input: { productId: $productId, alt: $alt, image: $image }
  ) {
    image { id status }
    errors { field message code }
  }
}
`,
    variables: `{
  "productId": "UHJvZHVjdDoyMw==",
  "alt": "The lamp in a reading corner"
}`,
  },
  {
    group: "Staff",
    title: "Is the picture ready?",
    about: "PENDING, READY, or FAILED with the reason",
    query: `# Take the picture's id from "Upload a picture".
query PictureStatus($id: ID!) {
  node(id: $id) {
    ... on ProductImage {
      status
      error
      width
      height
      webp: srcset(format: WEBP)
    }
  }
}
`,
    variables: `{
  "id": "UHJvZHVjdEltYWdlOjE="
}`,
  },
];
