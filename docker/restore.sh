#!/bin/bash
# Puts a backup back: restore.sh backups/20260101T000000Z. What the system holds now is lost; it asks first (or YES=1).
set -euo pipefail
from=$(cd "${1:?which backup? make restore FROM=backups/…}" && pwd)
cd "$(dirname "$0")"
compose() { docker compose --file compose.yaml "$@"; }
(cd "$from" && sha256sum --quiet --check SHA256SUMS)
if [ "${YES:-}" != 1 ]; then
    read -r -p "Replace the database, media and originals of the running system by $from? Type yes: " answer
    [ "$answer" = yes ] || exit 1
fi
./env.sh
compose stop nginx web worker images beat
compose up --detach --wait mysql redis
# Whatever came after the backup goes: the database is made anew, and messages tell of rows that may not be there.
compose exec -T mysql sh -c 'MYSQL_PWD=$MYSQL_ROOT_PASSWORD exec mysql -uroot -e "
    DROP DATABASE IF EXISTS vitrine; CREATE DATABASE vitrine CHARACTER SET utf8mb4"'
gzip -dc "$from/database.sql.gz" | compose exec -T mysql sh -c 'MYSQL_PWD=$MYSQL_PASSWORD exec mysql -h127.0.0.1 -uvitrine vitrine'
compose exec -T redis sh -c 'REDISCLI_AUTH=$REDIS_PASSWORD redis-cli flushall' >/dev/null
compose run --rm --no-deps -T --entrypoint sh migrate -c '
    find /var/lib/vitrine/media /var/lib/vitrine/originals /var/lib/vitrine/index -mindepth 1 -delete
    exec tar -C /var/lib/vitrine -xz' <"$from/files.tar.gz"
# Brings the schema up to date, should the backup be older than the code; the worker builds the search index anew.
compose up --detach --wait
echo "Restored $from."
