# One image: web, worker, images, beat and management commands by argument (docker/entrypoint).
#   docker build -t vitrine .                       the image
#   docker build -t vitrine:test --target test .    the same plus tests and what they need: docker run --rm vitrine:test
ARG PYTHON=python:3.13-slim

# --- What is compiled, and the compiler, stay here ----------------------------------------------------------
FROM ${PYTHON} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev libmariadb-dev pkg-config python3-dev \
 && rm -rf /var/lib/apt/lists/*
RUN python -m venv --without-pip /opt/venv
COPY requirements/production.txt /tmp/
RUN pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/production.txt \
 # Their own tests, caches and C sources are of no use here.
 && find /opt/venv -depth \( -type d \( -name tests -o -name __pycache__ \) -o -name '*.pyx' -o -name '*.c' -o -name '*.h' -o -name conftest.py \) -exec rm -rf {} + \
 && /opt/venv/bin/python -m compileall -q -j 0 /opt/venv/lib

# --- The sources, with and without what only developers need ------------------------------------------------
FROM ${PYTHON} AS source
COPY . /src
RUN cp -r /src /app && cd /app \
 && find . -depth -type d -name tests -exec rm -rf {} + \
 # Of the storefront the service needs its documents only (GRAPHQL_TRUSTED_DOCUMENTS).
 && find examples -depth ! -name persisted-documents.json ! -name storefront ! -name examples -delete \
 && rm -rf .ci .devcontainer .dockerignore .editorconfig .github .gitignore .pre-commit-config.yaml bench docs requirements conftest.py Dockerfile Makefile Procfile *.md pyproject.toml \
        schema.graphql docker/compose.yaml docker/nginx docker/mail docker/*.sh \
 && python -m compileall -q -j 0 .

# --- The image ----------------------------------------------------------------------------------------------
FROM ${PYTHON} AS final
RUN apt-get update \
 && apt-get install -y --no-install-recommends libmariadb3 tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* \
 && groupadd --gid 10001 vitrine && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin vitrine \
 # All that is written lies below VAR_DIR; new volumes take these folders' owner.
 && install -d -o vitrine -g vitrine /var/lib/vitrine /var/lib/vitrine/media /var/lib/vitrine/originals \
        /var/lib/vitrine/index
COPY --from=build /opt/venv /opt/venv
COPY --from=source /app /app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app \
    VAR_DIR=/var/lib/vitrine STATIC_ROOT=/app/static DJANGO_SETTINGS_MODULE=core.settings
WORKDIR /app
# What this one command wants to know is made up on the spot and kept nowhere.
RUN SECRET_KEY=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n') JWT_SECRET_KEY=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n') \
    SITE_URL=https://localhost EMAIL_URL=smtp://localhost VAR_DIR=/tmp/var python manage.py collectstatic --noinput --verbosity 0 && rm -rf /tmp/var
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --start-interval=2s --retries=3 CMD ["/app/docker/healthy"]
ENTRYPOINT ["tini", "--", "/app/docker/entrypoint"]
CMD ["web"]
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG PYTHON
LABEL org.opencontainers.image.title="Vitrine" \
      org.opencontainers.image.description="A headless product catalogue and cart: GraphQL and REST on Django" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.base.name="${PYTHON}" \
      org.opencontainers.image.revision="${REVISION}"

# --- The same, with the tests: `docker run --rm vitrine:test` ------------------------------------------------
FROM final AS test
USER root
COPY requirements/dev.txt /tmp/
RUN pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/dev.txt
COPY --from=source --chown=10001:10001 /src /app
ENV HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis
USER 10001:10001
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"]

# What `docker build .` makes.
FROM final
