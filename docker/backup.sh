#!/bin/bash
# Copies the database (one consistent moment, without stopping it) and then the files, which only ever come: what a row
# names is there. The search index is left out, it follows from the database; the carts of the last seconds may be.
set -euo pipefail
cd "$(dirname "$0")"
compose() { docker compose --file compose.yaml "$@"; }
to=${BACKUPS:-../backups}/$(date -u +%Y%m%dT%H%M%SZ)
umask 077
mkdir -p "$to.part"

compose exec -T mysql sh -c 'MYSQL_PWD=$MYSQL_PASSWORD exec mysqldump -h127.0.0.1 -uvitrine --single-transaction --quick \
    --no-tablespaces --set-gtid-purged=OFF --default-character-set=utf8mb4 --hex-blob vitrine' | gzip -1 >"$to.part/database.sql.gz"
# The last line of a dump that ended well.
gzip -dc "$to.part/database.sql.gz" | tail -n 1 | grep -q '^-- Dump completed' || { echo "The dump is not whole: $to.part" >&2; exit 1; }
# A container of its own: the workers may be down.
compose run --rm --no-deps -T --entrypoint tar migrate -C /var/lib/vitrine -c media originals | gzip -1 >"$to.part/files.tar.gz"
(cd "$to.part" && sha256sum database.sql.gz files.tar.gz >SHA256SUMS)
mv "$to.part" "$to"
echo "Backed up into $(cd "$to" && pwd) ($(du -sh "$to" | cut -f1)). Keep docker/.env beside it, not with it."
