# `app` (the default target): the program, for every role; a static binary and nothing else.
# `frontend`: the web page behind nginx, which proxies `/api` to the services.
#
# Plain layers only, so that Docker with and without BuildKit, buildah and kaniko all build the same. `scripts/pin-images` adds the
# digests of the images that it is built from; a release is built with them.
ARG RUST_IMAGE=docker.io/library/rust:1.95.0-slim-bookworm
ARG NODE_IMAGE=docker.io/library/node:22.23.2-bookworm-slim
ARG NGINX_IMAGE=docker.io/library/nginx:1.28.3-alpine

FROM ${NODE_IMAGE} AS page
WORKDIR /page
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY frontend ./
RUN npm run build

FROM ${NGINX_IMAGE} AS frontend
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="energy-pipeline/frontend" \
      org.opencontainers.image.description="The web page of energy-pipeline, and the way from /api to its services" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# The image's entrypoint fills the template in; only /tmp must be writable.
ENV NGINX_ENVSUBST_OUTPUT_DIR=/tmp \
    NGINX_ENVSUBST_FILTER="^(FRONTEND_PORT|FRONTEND_WORKERS|FRONTEND_ACCESS_LOG|FRONTEND_READ_ONLY|FRONTEND_OPERATOR_PATHS|FRONTEND_CERT_FILE|FRONTEND_KEY_FILE|INGESTION_URL|PROCESSING_URL|NGINX_LISTEN_IPV6|NGINX_LISTEN_TLS|NGINX_TLS|NGINX_UPSTREAM_TLS|NGINX_LOCAL_RESOLVERS)$" \
    NGINX_ENTRYPOINT_LOCAL_RESOLVERS=1 \
    FRONTEND_PORT=3000 \
    FRONTEND_WORKERS=2 \
    FRONTEND_ACCESS_LOG=changes \
    FRONTEND_READ_ONLY=false \
    FRONTEND_OPERATOR_PATHS=false \
    FRONTEND_CERT_FILE= \
    FRONTEND_KEY_FILE= \
    INGESTION_URL=http://ingestion-api:8000 \
    PROCESSING_URL=http://processing-service:8001
COPY frontend/nginx.conf.template /etc/nginx/templates/nginx.conf.template
COPY frontend/15-serve-https.envsh /docker-entrypoint.d/15-serve-https.envsh
COPY frontend/16-listen-by-ipv6.envsh /docker-entrypoint.d/16-listen-by-ipv6.envsh
COPY frontend/17-verify-services.envsh /docker-entrypoint.d/17-verify-services.envsh
COPY scripts/smoke-test.sh /smoke-test.sh
COPY --from=page /page/dist /usr/share/nginx/html
# As a number: Kubernetes must see that it is not root. Any other user will do, too.
USER 10001:10001
EXPOSE 3000
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["sh", "-c", "curl -fsk -o /dev/null http${FRONTEND_CERT_FILE:+s}://127.0.0.1:${FRONTEND_PORT}/readyz"]
CMD ["nginx", "-c", "/tmp/nginx.conf", "-g", "daemon off;"]

FROM ${RUST_IMAGE} AS build
WORKDIR /build
# Puts the list of dependencies into the program, where `cargo audit bin` and scanners of images read it: an image from scratch has
# no other. Before RUSTFLAGS, which are not for tools.
# renovate: datasource=crate depName=cargo-auditable
ARG CARGO_AUDITABLE_VERSION=0.7.7
RUN cargo install --locked --version "${CARGO_AUDITABLE_VERSION}" cargo-auditable
# Static with glibc: faster allocations than musl's. It goes with an explicit target only, or procedural
# macros, which are no programs, would be linked statically, too.
ENV RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=/build=."
# The dependencies first, over empty sources: they are built again only when they change.
COPY Cargo.toml Cargo.lock ./
COPY readings/Cargo.toml readings/
COPY archive/Cargo.toml archive/
COPY actors/Cargo.toml actors/
COPY api/Cargo.toml api/
COPY mqtt/Cargo.toml mqtt/
COPY import/Cargo.toml import/
COPY meter-files/Cargo.toml meter-files/
COPY instrumentation/Cargo.toml instrumentation/
COPY bench/Cargo.toml bench/
RUN mkdir -p src readings/src archive/src actors/src api/src mqtt/src import/src meter-files/src instrumentation/src bench/src tests/soak && \
    touch readings/src/lib.rs archive/src/lib.rs actors/src/lib.rs api/src/lib.rs mqtt/src/lib.rs import/src/lib.rs meter-files/src/lib.rs instrumentation/src/lib.rs tests/main.rs tests/soak/main.rs && \
    echo 'fn main() {}' >src/main.rs && cp src/main.rs bench/src/main.rs && \
    cargo auditable build --release --locked --package energy-pipeline --target "$(uname -m)-unknown-linux-gnu"
COPY src src
COPY readings readings
COPY archive archive
COPY actors actors
COPY api api
COPY mqtt mqtt
COPY import import
COPY meter-files meter-files
COPY instrumentation instrumentation
COPY --from=page /page/dist frontend/dist
# Sources may be older than the empty ones: their times decide what is built.
RUN touch src/main.rs readings/src/lib.rs actors/src/lib.rs api/src/lib.rs mqtt/src/lib.rs import/src/lib.rs meter-files/src/lib.rs instrumentation/src/lib.rs && \
    cargo auditable build --release --locked --package energy-pipeline --target "$(uname -m)-unknown-linux-gnu"
# What an image from scratch needs: the program, whom to trust, and a name for its user.
# A new volume gets the mode of the directory that it is mounted at: every user may write an archive.
RUN mkdir -p /image/etc/ssl/certs && mkdir -m 1777 /image/archive && \
    cp "target/$(uname -m)-unknown-linux-gnu/release/energy-pipeline" /image/ && \
    strip --strip-all /image/energy-pipeline && \
    cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ && \
    echo 'energy:x:10001:10001::/:/energy-pipeline' >/image/etc/passwd && \
    echo 'energy:x:10001:' >/image/etc/group

FROM scratch AS app
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="energy-pipeline/app" \
      org.opencontainers.image.description="Takes energy-meter readings over HTTP, never loses one, and serves them back per site" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /image /
ENV LISTEN_HOST=0.0.0.0 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 10001:10001
EXPOSE 8000 8001 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["/energy-pipeline", "healthcheck"]
ENTRYPOINT ["/energy-pipeline"]
