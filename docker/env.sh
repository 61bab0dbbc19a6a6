#!/bin/sh
# Writes docker/.env once: random secrets, and the choices of a first start. `make up` calls it, and keeps there whether
# the storefront is served: STOREFRONT=1 or 0.
set -eu
cd "$(dirname "$0")"
choose_storefront() {
    case ${STOREFRONT:-} in
    "") return ;;
    0) sed -i.old '/^STOREFRONT=/d; /^# nginx serves examples/d' .env && rm .env.old; return ;;
    1) grep -q '^STOREFRONT=1$' .env || printf '# nginx serves examples/storefront/ at /. make up STOREFRONT=0 takes it back.\nSTOREFRONT=1\n' >>.env ;;
    *) echo "STOREFRONT is 1 (nginx serves the storefront) or 0, not $STOREFRONT." >&2; exit 2 ;;
    esac
    grep -q '^CATALOG_PUBLIC=1$' .env ||
        echo "Without CATALOG_PUBLIC=1 in docker/.env the storefront shows visitors nothing before they sign in."
}
if [ -e .env ]; then
    choose_storefront
    exit 0
fi
if docker volume inspect "${COMPOSE_PROJECT_NAME:-vitrine}_mysql" >/dev/null 2>&1; then
    echo "There is a database of an earlier start (volume vitrine_mysql), but docker/.env with its passwords is gone." >&2
    echo "Put the file back, or remove the data for good: docker volume rm vitrine_mysql" >&2
    exit 1
fi
random() { od -An -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }
umask 077
cat >.env.new <<EOF
# Written by make up on $(date -u +%F). Secrets: keep this file, with the backups; it is in no image and not in git.
SECRET_KEY=$(random 32)
JWT_SECRET_KEY=$(random 32)
METRICS_TOKEN=$(random 24)
MYSQL_PASSWORD=$(random 24)
MYSQL_ROOT_PASSWORD=$(random 24)
REDIS_PASSWORD=$(random 24)

# --- Before the world may come: the names, TLS in front, then take INSECURE_HTTP away -------------------------
ALLOWED_HOSTS=localhost,127.0.0.1
INSECURE_HTTP=1
# The storefront, which mails link to.
SITE_URL=http://127.0.0.1:8080
#CSRF_TRUSTED_ORIGINS=https://shop.example
#CORS_ALLOWED_ORIGINS=https://www.shop.example
#SECURITY_CONTACT=security@shop.example
#ADMIN_PATH=backstage
# Address (CIDR) of what ends TLS in front of nginx: only there X-Forwarded-For and -Proto are believed. For a program on
# this host it is the network's gateway, which nginx' log tells as "client":
#MORE_TRUSTED_PROXIES=172.30.77.128/32
HTTP_BIND=127.0.0.1
HTTP_PORT=8080

# --- Mail: the catcher (http://127.0.0.1:8025), until a real server takes its place ---------------------------
COMPOSE_PROFILES=mail
EMAIL_URL=smtp://mail:1025
EOF
[ "${STOREFRONT:-}" != 1 ] || printf '# Visitors of the storefront read the catalogue and fill a cart without an account.\nCATALOG_PUBLIC=1\n' >>.env.new
mv .env.new .env
echo "Wrote docker/.env with random secrets.$([ "${STOREFRONT:-}" != 1 ] || echo " The catalogue is open to visitors (CATALOG_PUBLIC=1).")"
choose_storefront
