# The operator and the command line: one static binary, no shell, an unprivileged user.
#
#   with a registry:   docker build -t REGISTRY/mstack:0.1.0 .
#   local cluster:     make image     (the target `local` takes the binary that was built on this machine)

ARG RUST=1.95

FROM rust:${RUST}-slim AS build
WORKDIR /src
COPY . .
# Naming the target keeps the flag away from procedural macros, which cannot be static.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    triple="$(rustc -vV | sed -n 's/^host: //p')" && \
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target "$triple" --bin mstack && \
    cp "target/$triple/release/mstack" /mstack

# Nothing but the binary: the cluster's own CA is mounted into every pod, and no other server is called.
FROM scratch AS base
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="mstack" \
      org.opencontainers.image.description="Operator and command line for MicroserviceStack" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/mstack"]
CMD ["operator"]

# The context is a folder that holds the binary.
FROM base AS local
ARG BINARY=mstack
COPY ${BINARY} /mstack

FROM base
COPY --from=build /mstack /mstack
