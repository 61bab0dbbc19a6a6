#!/bin/sh
# With STOREFRONT=1, now or in docker/.env: `storefront.sh build` builds the storefront, `storefront.sh publish` hands it to nginx.
# `make up` builds before it changes anything, and publishes when the new service runs. It builds on this host, so that
# the system needs no image with Node.js.
set -eu
cd "$(dirname "$0")"
case ${STOREFRONT:-} in
1) ;;
"") grep -qs '^STOREFRONT=1$' .env || exit 0 ;;
*) exit 0 ;;
esac
from=../examples/storefront/dist to=storefront
case $1 in
build) VITE_VITRINE_URL='' exec "${PYTHON:-python3}" ../.ci/storefront.py build ;;
publish)
    # Files before the page that names them. What is there already is not written again: it may be on its way to somebody.
    mkdir -p "$to/assets"
    for file in "$from"/assets/*; do
        name=$to/assets/${file##*/}
        cmp -s "$file" "$name" || { gzip -9 -n -c "$file" >"$name.gz" && cp "$file" "$to/.new" && mv "$to/.new" "$name"; }
        touch "$name" "$name.gz"
    done
    cp "$from/index.html" "$to/.new"
    chmod -R a+rX "$to"
    mv "$to/.new" "$to/index.html"
    # Pages that were opened a month ago may ask for what they have not loaded yet.
    find "$to/assets" -type f -mtime +30 -delete
    echo "The storefront is served at /." ;;
esac
