// The example queries of GraphiQL's menu, in its order; the first one opens by itself. This is the one place for them:
// core/tests/test_pages.py validates each against the schema. `variables` is JSON text.
"use strict";

window.Vitrine = window.Vitrine || {};

Vitrine.examples = [
  {
    group: "Catalogue",
    title: "Search, filter and sort",
    about: "Lamps in stock between 20 and 200, cheapest first",
    query: `# Sign in above first: the catalogue wants a token.
query SearchProducts($search: String, $filter: ProductFilter, $sortBy: ProductSort) {
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
# A cursor belongs to its question: search, filter and sort must stay the same.
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
    title: "Variants as one tile",
    about: "Sofas by colour and width, with the facets of their attributes",
    query: `# groupBy: GROUP lists one product for each group of products that differ in options only.
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
    title: "Options of a product",
    about: "Its attributes, the products that differ in options, and related ones",
    query: `query Options($slug: String!) {
  product(slug: $slug) {
    name
    attributes { text attribute { name unit } }
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
    query: `# A product's id comes from any search. Sent again with the same idempotencyKey (of your making), it is applied once.
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
    "lines": [{ "productId": "UHJvZHVjdDox", "quantity": 1 }],
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
    title: "Sign in",
    about: "What the sign-in box above sends",
    query: `# The token goes into the header "Authorization: Bearer …" (Headers, below) and lasts 15 minutes.
mutation SignIn($email: String!, $password: String!) {
  tokenAuth(email: $email, password: $password) {
    token
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
];
